#include <utility>

#include "ratiofarm/tables/ratio_file.hpp"

#include "tables/ratios/ratio_writer.hpp"

#include "farm_stage.hpp"
#include "inference_tasks.hpp"
#include "own_ratios.hpp"
#include "ratio_assembly.hpp"
#include "tested_shapes.hpp"

namespace ratiofarm {
namespace {

void log_summary(const RatioHeader& header, const RatioSummary& summary, const Log& log) {
    for (std::size_t i = 0; i < header.processes.size(); ++i) {
        log.info("normalisation before correction", {{"process", header.processes[i].name},
                                                     {"E_ref[r]-1", summary.excess[i]},
                                                     {"error", summary.excess_error[i]}});
    }
    log.info("sum of shares x ratios - 1, which is 0 for exact ratios",
             {{"mean", summary.identity_after.mean}, {"spread", summary.identity_after.spread}});
}

}  // namespace

StageEnd infer_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books) {
    // Regions that are only counted need no ratios.
    if (!planned.campaign.has_events()) return {StageEnd::State::up_to_date, 0.0, {}};
    const Digest inputs = ratios_digest(planned.campaign, planned.samples, planned.graph);
    std::uint64_t stale =
        context.world.is_root() && !are_ratios_of(place.directory.ratios(), inputs) ? 1 : 0;
    mpi::all_sum(context.world, std::span(&stale, 1));
    if (stale == 0) {
        if (context.world.is_root()) remove_left_results(planned.graph, place.directory);
        return {StageEnd::State::up_to_date, 0.0, {}};
    }

    std::vector<Task> tasks = inference_tasks(context.world, planned.graph, place.directory);
    StageEnd stage = farm_stage(context, place, books, std::move(tasks), TaskFileKind::ratio_block);
    if (!ended_well(stage)) return stage;
    const RatioInput input = ratio_input(planned, place.directory, inputs,
                                         shape_significances(context.world, planned, place));
    const RatioSummary summary = write_ratios(context.world, place.directory.ratios(), input,
                                              block_provider(planned, place.directory, input));
    log_summary(input.header, summary, context.log);
    if (context.world.is_root()) {
        remove_inference_results(planned.graph, place.directory);  // ratios.h5 has it all
    }
    stage.state = StageEnd::State::done;
    return stage;
}

}  // namespace ratiofarm
