#include <optional>
#include <utility>
#include <vector>

#include "ratiofarm/mpi/together.hpp"

#include "mpi/value_on_root.hpp"

#include "farm_stage.hpp"
#include "nets_record.hpp"
#include "tested_shapes.hpp"
#include "training_rounds.hpp"

namespace ratiofarm {
StageEnd train_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books) {
    const mpi::Communicator& world = context.world;
    std::optional<TrainingRounds> rounds;
    if (world.is_root()) rounds.emplace(planned, place, context.log);
    bool looked = false;
    const auto next_round = [&]() -> std::optional<StageEnd> {
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
        if (mpi::value_on_root(world, tasks.size()) == 0) return std::nullopt;
        return farm_round(context, place, books, std::move(tasks), TaskFileKind::training_result);
    };
    StageEnd stage = farm_rounds(context, place, next_round);
    if (stage.state == StageEnd::State::stopped || stage.state == StageEnd::State::elsewhere) {
        return stage;
    }
    mpi::together(world, [&] {
        if (!world.is_root() || !books.claims) return;
        note_results(place, books, rounds->all(), TaskFileKind::training_result, context.log);
    });
    if (world.is_root()) {
        log_insignificant_shapes(tested_shapes(planned, rounds->choices()), context.log);
        for (const EnsembleChoice& choice : rounds->choices()) {
            const auto failures = choice.failures();
            stage.failures.insert(stage.failures.end(), failures.begin(), failures.end());
        }
    }
    if (mpi::value_on_root(world, stage.failures.size()) > 0) {
        stage.state = StageEnd::State::tasks_failed;
    }
    return stage;
}

}  // namespace ratiofarm
