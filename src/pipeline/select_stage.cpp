#include <cmath>
#include <filesystem>
#include <utility>

#include "ratiofarm/mpi/together.hpp"

#include "campaign/selection/plain_campaign.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "core/sealed_text.hpp"

#include "event_selection.hpp"
#include "farm_stage.hpp"
#include "inference_tasks.hpp"
#include "plan_campaign.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

/// A part of the tasks cannot say which events all of them learn from.
void expect_whole_selection(const Shard& shard) {
    if (shard.has_all()) return;
    throw ConfigError(
        "--shard: the regions of this campaign are not filled with events yet, which one farm by "
        "itself must do; run 'ratiofarm select' first, then the shards, or let jobs share the work "
        "by --join");
}

/// Collective over the context's world. Leaves the scores of all events in the results of the
/// graph's evaluations.
StageEnd score_events(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books) {
    StageEnd end = train_stage(context, planned, place, books);
    if (!ended_well(end)) return end;
    gather_stage(context, planned, place, books.history);
    std::vector<Task> tasks = inference_tasks(context.world, planned.graph, place.directory);
    return farm_stage(context, place, books, std::move(tasks), TaskFileKind::score_block);
}

/// Yields of the processes in the trained region, which is the first one.
LogShares log_shares(const Campaign& campaign, const std::vector<SampleSums>& sums) {
    LogShares shares;
    for (const ProcessSection& process : campaign.processes) {
        const SampleSums& sample = find_sums(sums, process.events());
        if (sample.sum == 0.0 || sample.inference_sum == 0.0) continue;
        const double share = efficiency(campaign, sample, 0);
        if (share > 0.0) shares.emplace_back(process.name, std::log(share));
    }
    return shares;
}

/// On rank 0. The record goes first and comes last: it never names events of another selection.
void make_selection(const PlannedCampaign& planned,
                    const RunDirectory& directory,
                    const Digest& inputs,
                    const Log& log) {
    const Campaign& campaign = planned.written;
    const EventSelection selection = select_events(planned, directory, inputs);
    std::filesystem::remove(directory.selection_json());
    if (trained_region(campaign) != nullptr) {
        write_kept_events(directory.selected_events(), campaign.events_path(), selection.kept,
                          score_column(planned, directory),
                          log_shares(campaign, selection.record.sums));
    }
    publish_sealed(directory.selection_json(), selection_json(selection.record, campaign));
    for (const SampleSums& sums : selection.record.sums) {
        if (!sums.weights.empty()) continue;
        log.info("events selected", {{"sample", sums.sample},
                                     {"events", sums.events},
                                     {"nowhere", sums.nowhere},
                                     {"outside", sums.outside}});
    }
}

}  // namespace

StageEnd select_stage(RunContext& context,
                      PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books) {
    if (place.farm.join && planned.missing == Unresolved::selection) {
        look_again(context, planned, place, books, IfDamaged::make_again);
    }
    if (planned.missing != Unresolved::selection) return {StageEnd::State::up_to_date, 0.0, {}};
    mpi::together(context.world, [&] { expect_whole_selection(place.farm.shard); });
    if (planned.written.preselection) {
        StageEnd end = score_events(context, planned, place, books);
        if (!ended_well(end)) return end;
    }
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        make_selection(planned, place.directory, books.selection, context.log);
        remove_inference_results(planned.graph, place.directory);
    });
    plan_again(context, planned, place, books);
    return {StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm
