#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/publish.hpp"
#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "mpi/value_on_root.hpp"
#include "pipeline/farm_stage.hpp"
#include "pipeline/plan_campaign.hpp"
#include "pipeline/stages.hpp"

#include "search_rounds.hpp"

namespace ratiofarm {
namespace {

/// A part of the trials cannot say which are the best.
void expect_whole_search(const Shard& shard) {
    if (shard.has_all()) return;
    throw ConfigError(
        "--shard: the search of this campaign is not over, which one farm by itself must do; run "
        "'ratiofarm search' first, then the shards, or let jobs share the work by --join");
}

/// On rank 0.
void publish_record(const RunDirectory& directory, SearchRounds& rounds) {
    const auto record = rounds.record();
    if (!record) {
        throw DataError(
            "the search found no setting: every trial diverged or gave no finite number; lower the "
            "learning rates of [search.parameters], or look at the reasons with 'ratiofarm "
            "explain'");
    }
    publish(directory.search_csv(), search_csv(*record));
    publish_sealed(directory.search_json(), search_json(*record));
    rounds.clean_up();
    show(search_text(*record));
}

}  // namespace

StageEnd search_stage(RunContext& context,
                      PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books) {
    const mpi::Communicator& world = context.world;
    if (place.farm.join && planned.missing == Unresolved::search) {
        look_again(context, planned, place, books, IfDamaged::make_again);
    }
    if (planned.missing != Unresolved::search) return {StageEnd::State::up_to_date, 0.0, {}};
    mpi::together(world, [&] { expect_whole_search(place.farm.shard); });
    const std::string device = device_class_name(place.device);
    std::optional<SearchRounds> rounds;
    std::vector<Task> tasks;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        SearchPlan plan = make_search_plan({planned.campaign, planned.samples, device});
        rounds.emplace(planned, place.directory, std::move(plan), device, context.log);
        tasks = rounds->next();
        while (tasks.empty()) {  // the first points of a program come before any task
            auto proposed = rounds->proposed();
            if (proposed && proposed->empty()) break;
            if (proposed) tasks = std::move(*proposed);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    StageEnd end =
        growing_farm_stage(context, place, books, std::move(tasks), TaskFileKind::training_result,
                           {[&](const Digest&, TaskOutcome) { return rounds->next(); },
                            [&] { return rounds->proposed(); }});
    mpi::together(world, [&] {
        if (rounds && !rounds->trouble().empty()) throw DataError(rounds->trouble());
    });
    if (mpi::value_on_root(world, rounds && rounds->state().complete) == 0) {
        // An external sampler was asked when the job was told to stop.
        if (end.state == StageEnd::State::up_to_date) end.state = StageEnd::State::stopped;
        return end;
    }
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        note_results(place, books, rounds->all(), TaskFileKind::training_result, context.log);
        publish_record(place.directory, *rounds);
    });
    plan_again(context, planned, place, books);
    end.state = StageEnd::State::done;
    return end;
}

}  // namespace ratiofarm
