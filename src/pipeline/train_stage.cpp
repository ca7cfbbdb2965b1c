#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "ratiofarm/mpi/together.hpp"

#include "core/signal_flags.hpp"

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

/// What a job that joined others does while they have all that is left.
class OthersWork {
public:
    enum class Next : std::uint64_t { look_again, leave, stop };

    void worked() { since_ = Clock::now(); }

    /// Collective over world. Waits a moment; after the time of a lease each of the others has
    /// shown that it lives, and this job can leave.
    Next wait(const mpi::Communicator& world, const FarmSettings& farm) const {
        std::uint64_t next = 0;
        if (world.is_root()) {
            const auto lease = std::chrono::duration<double>(farm.lease);
            std::this_thread::sleep_for(std::min(std::chrono::duration<double>(2.0), 0.1 * lease));
            const bool told = signal_request() == SignalRequest::stop;
            const bool late = farm.stop_by && Clock::now() >= stop_time(*farm.stop_by, 0.0, 1);
            if (Clock::now() - since_ > 1.2 * lease) next = std::uint64_t(Next::leave);
            if (told || late) next = std::uint64_t(Next::stop);
        }
        mpi::barrier(world);
        mpi::all_sum(world, std::span(&next, 1));
        return Next(next);
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point since_ = Clock::now();
};

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
    OthersWork others;
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
        StageEnd round =
            farm_stage(context, place, books, std::move(tasks), TaskFileKind::training_result);
        const bool elsewhere = round.state == StageEnd::State::elsewhere;
        if (!elsewhere) {
            others.worked();
            add_round(stage, round);
        }
        if (stage.state == StageEnd::State::stopped) return stage;
        if (place.farm.join && round.state == StageEnd::State::tasks_failed) break;
        const auto next = elsewhere ? others.wait(world, place.farm) : OthersWork::Next::look_again;
        if (next == OthersWork::Next::leave) return round;
        if (next == OthersWork::Next::stop) return {StageEnd::State::stopped, 0.0, {}};
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
    if (value_on_root(world, !stage.failures.empty())) stage.state = StageEnd::State::tasks_failed;
    return stage;
}

}  // namespace ratiofarm
