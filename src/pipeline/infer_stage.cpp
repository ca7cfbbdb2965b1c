#include <utility>

#include "ratiofarm/tables/ratio_file.hpp"

#include "mpi/value_on_root.hpp"
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
    const auto is_up_to_date = [&] {
        const bool there =
            context.world.is_root() && are_ratios_of(place.directory.ratios(), inputs);
        if (mpi::value_on_root(context.world, there) == 0) return false;
        if (context.world.is_root()) remove_left_results(planned.graph, place.directory);
        return true;
    };
    if (is_up_to_date()) return {StageEnd::State::up_to_date, 0.0, {}};

    // The one of several jobs that writes the file removes the results: the others look for it just
    // before they begin, and once more when it is their turn.
    std::vector<Task> tasks = inference_tasks(context.world, planned.graph, place.directory);
    if (is_up_to_date()) return {StageEnd::State::up_to_date, 0.0, {}};
    StageEnd stage = farm_stage(context, place, books, std::move(tasks), TaskFileKind::ratio_block);
    if (!ended_well(stage)) return stage;
    return in_turn(context, place, books, [&]() -> StageEnd {
        if (place.farm.join && is_up_to_date()) return {StageEnd::State::up_to_date, 0.0, {}};
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
    });
}

}  // namespace ratiofarm
