#include <filesystem>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "tables/ratios/ratio_writer.hpp"

#include "farm_stage.hpp"
#include "inference_tasks.hpp"
#include "ratio_assembly.hpp"
#include "shape_judgements.hpp"

namespace ratiofarm {
namespace {

bool ratios_are_up_to_date(const Workspace& workspace, const Digest& wanted) {
    if (!std::filesystem::exists(workspace.directory.ratios())) return false;
    try {
        return RatioFile(workspace.directory.ratios()).header().inputs == wanted;
    } catch (const Error&) {
        return false;  // damaged: made again
    }
}

void log_summary(const RatioHeader& header, const RatioSummary& summary, const Log& log) {
    for (std::size_t i = 0; i < header.processes.size(); ++i) {
        log.info("normalisation before correction", {{"process", header.processes[i].name},
                                                     {"E_ref[r]-1", summary.excess[i]},
                                                     {"error", summary.excess_error[i]}});
    }
    log.info("identity sum_k pi_k r_k - 1",
             {{"mean", summary.identity_after.mean}, {"spread", summary.identity_after.spread}});
}

}  // namespace

StageEnd infer_stage(RunContext& context, Workspace& workspace) {
    // Regions that are counted alone need no ratios.
    if (!workspace.campaign.has_events()) return {StageEnd::State::up_to_date, 0.0, {}};
    const Digest inputs = ratios_digest(workspace.campaign, workspace.samples, workspace.graph);
    std::uint64_t stale =
        context.world.is_root() && !ratios_are_up_to_date(workspace, inputs) ? 1 : 0;
    mpi::all_sum(context.world, std::span(&stale, 1));
    if (stale == 0) return {StageEnd::State::up_to_date, 0.0, {}};

    std::vector<Task> tasks;
    mpi::together(context.world, [&] {
        if (context.world.is_root()) tasks = inference_tasks(workspace);
    });
    StageEnd stage = farm_stage(context, workspace, std::move(tasks), TaskFileKind::ratio_block);
    if (!ended_well(stage)) return stage;
    const RatioInput input =
        ratio_input(workspace, inputs, shape_judgements(context.world, workspace));
    const RatioSummary summary = write_ratios(context.world, workspace.directory.ratios(), input,
                                              block_provider(workspace, input));
    log_summary(input.header, summary, context.log);
    if (context.world.is_root()) remove_inference_results(workspace);  // ratios.h5 has it all
    stage.state = StageEnd::State::done;
    return stage;
}

}  // namespace ratiofarm
