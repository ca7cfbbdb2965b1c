#include <algorithm>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/report/collect_report_inputs.hpp"
#include "ratiofarm/report/report_html.hpp"

#include "stages.hpp"

namespace ratiofarm {
namespace {

/// Latest time of each stage that did something, in the order of the chain.
std::vector<StageTime> stage_times(const JournalState& journal) {
    std::vector<StageTime> times;
    for (const StageEnded& stage : journal.stages) {
        const auto known = std::find_if(times.begin(), times.end(), [&](const StageTime& time) {
            return time.stage == stage.stage;
        });
        if (known == times.end()) {
            times.push_back({stage.stage, stage.seconds});
        } else {
            known->seconds = std::max(known->seconds, stage.seconds);
        }
    }
    return times;
}

}  // namespace

StageEnd report_stage(CommandContext& context, Workspace& workspace) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        workspace.journal->flush();
        const ReportSources sources{workspace.campaign, workspace.directory, workspace.ratios,
                                    workspace.samples,
                                    stage_times(read_journal(workspace.directory.journal()))};
        publish(workspace.directory.report(),
                report_html(collect_report_inputs(sources), Plotter()));
    });
    return {StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm
