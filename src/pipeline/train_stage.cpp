#include <optional>
#include <utility>

#include "ratiofarm/mpi/together.hpp"

#include "farm_stage.hpp"
#include "nets_record.hpp"
#include "tested_shapes.hpp"
#include "training_rounds.hpp"

namespace ratiofarm {
namespace {

void add_round(StageEnd& all, const StageEnd& round) {
    using State = StageEnd::State;
    all.failures.insert(all.failures.end(), round.failures.begin(), round.failures.end());
    if (!round.trouble.empty()) all.trouble = round.trouble;
    if (all.state == State::tasks_failed && round.state != State::stopped) return;
    if (round.state != State::up_to_date) all.state = round.state;
}

/// Collective over world: on every rank what rank 0 found.
bool value_on_root(const mpi::Communicator& world, bool value) {
    std::uint64_t any = world.is_root() && value ? 1 : 0;
    mpi::all_sum(world, std::span(&any, 1));
    return any != 0;
}

}  // namespace

StageEnd train_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books) {
    const mpi::Communicator& world = context.world;
    std::optional<TrainingRounds> rounds;
    if (world.is_root()) rounds.emplace(planned, place, context.log);
    StageEnd stage{StageEnd::State::up_to_date, 0.0, {}};
    bool looked = false;
    for (;;) {
        std::vector<Task> tasks;
        mpi::together(world, [&] {
            if (!world.is_root()) return;
            tasks = rounds->next();
            if (!tasks.empty() && !std::exchange(looked, true)) {
                expect_trainings(planned.outlook);
                for (const auto& warning : planned.outlook.warnings) context.log.warning(warning);
            }
            record_nets(place.directory, rounds->choices(),
                        tested_shapes(planned, rounds->choices()));
        });
        if (!value_on_root(world, !tasks.empty())) break;
        add_round(stage, farm_stage(context, place, books, std::move(tasks),
                                    TaskFileKind::training_result));
        if (stage.state == StageEnd::State::stopped) return stage;
    }
    if (world.is_root()) {
        log_insignificant_shapes(tested_shapes(planned, rounds->choices()), context.log);
        for (const EnsembleChoice& choice : rounds->choices()) {
            const auto failures = choice.failures();
            stage.failures.insert(stage.failures.end(), failures.begin(), failures.end());
        }
    }
    if (value_on_root(world, !stage.failures.empty())) stage.state = StageEnd::State::tasks_failed;
    return stage;
}

}  // namespace ratiofarm
