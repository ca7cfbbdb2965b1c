#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"

#include "farm_stage.hpp"
#include "search_rounds.hpp"
#include "stages.hpp"
#include "workspace_resolution.hpp"

namespace ratiofarm {
namespace {

/// A part of the trials cannot say which are the best.
void expect_whole_search(const Workspace& workspace) {
    if (workspace.farm.shard.whole()) return;
    throw ConfigError(
        "--shard: the search of this campaign is not over, and no shard can do it alone; run "
        "'ratiofarm search' on the whole farm first, then the shards");
}

SearchPlan plan_of(const Workspace& workspace) {
    const std::string device = device_class_name(workspace.device);
    return make_search_plan({workspace.campaign, workspace.samples, device});
}

/// On rank 0.
void publish_record(const Workspace& workspace, SearchRounds& rounds) {
    const auto record = rounds.record();
    if (!record) {
        throw DataError(
            "the search found no setting: every trial diverged or gives no finite number; lower "
            "the learning rates of [search.parameters], or look at the reasons with 'ratiofarm "
            "explain'");
    }
    publish_sealed(workspace.directory.search_json(), search_json(*record));
    rounds.clean_up();
    fmt::print("{}", search_text(*record));
}

}  // namespace

StageEnd search_stage(RunContext& context, Workspace& workspace) {
    const mpi::Communicator& world = context.world;
    if (workspace.missing != Missing::search) return {StageEnd::State::up_to_date, 0.0, {}};
    mpi::together(world, [&] { expect_whole_search(workspace); });
    std::optional<SearchRounds> rounds;
    std::vector<Task> tasks;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        rounds.emplace(workspace, plan_of(workspace), context.log);
        tasks = rounds->next();
    });
    StageEnd end =
        growing_farm_stage(context, workspace, std::move(tasks), TaskFileKind::training_result,
                           [&] { return rounds->next(); });
    std::uint64_t complete = rounds && rounds->state().complete ? 1 : 0;
    mpi::all_sum(world, std::span(&complete, 1));
    if (complete == 0) return end;
    mpi::together(world, [&] {
        if (world.is_root()) publish_record(workspace, *rounds);
    });
    resolve_workspace(context, workspace);
    end.state = StageEnd::State::done;
    return end;
}

}  // namespace ratiofarm
