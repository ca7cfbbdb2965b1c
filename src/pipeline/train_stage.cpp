#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "mpi/value_on_root.hpp"

#include "farm_stage.hpp"
#include "nets_record.hpp"
#include "tested_shapes.hpp"
#include "training_rounds.hpp"

namespace ratiofarm {
namespace {

/// What may be wrong with the events, in full where nets learn from them now.
void tell_warnings(const std::vector<std::string>& warnings,
                   const std::vector<Task>& tasks,
                   const RunDirectory& directory,
                   const Log& log) {
    const bool trains = std::ranges::any_of(tasks, [&](const Task& task) {
        std::error_code unknown;
        return !std::filesystem::exists(directory.result(task.digest), unknown);
    });
    if (trains) {
        for (const std::string& warning : warnings) log.warning(warning);
    } else if (!warnings.empty()) {
        log.warning(fmt::format("{} warning{} about the events: 'ratiofarm check' shows {}",
                                warnings.size(), warnings.size() == 1 ? "" : "s",
                                warnings.size() == 1 ? "it" : "them"));
    }
}

}  // namespace

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
                tell_warnings(planned.outlook.warnings, tasks, place.directory, context.log);
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
