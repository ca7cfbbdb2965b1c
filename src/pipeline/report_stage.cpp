#include <algorithm>
#include <filesystem>
#include <utility>

#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"
#include "report/binned_pictures.hpp"
#include "report/collect_report_inputs.hpp"
#include "report/farm_text.hpp"
#include "report/report_html.hpp"

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

void log_closures(const ReportInputs& inputs, const Log& log) {
    for (const ProcessSummary& process : inputs.processes) {
        for (const FeatureClosure& closure : process.closures) {
            log.info("closure of the reweighted reference",
                     {{"process", process.name},
                      {"feature", closure.feature},
                      {"chi2", closure.closure.chi2},
                      {"ndf", static_cast<std::uint64_t>(closure.closure.ndf)}});
        }
    }
}

/// What the regions selected, and their bins.
void add_regions(const PlannedCampaign& planned, const RunPlace& place, ReportInputs& inputs) {
    if (needs_selection(planned.written)) {
        if (auto record = find_selection(place.directory)) {
            inputs.selection = SelectionInputs{std::move(*record), planned.written};
        }
    }
    const Campaign& campaign = planned.campaign;
    const bool has_ratios = campaign.unbinned.empty() || std::filesystem::exists(place.ratios);
    if (!inputs.fit || campaign.binned.empty() || !has_ratios) return;
    inputs.binned =
        binned_pictures(campaign, open_ratio_files(campaign, place.ratios), *inputs.fit);
}

}  // namespace

StageEnd report_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        books.journal->flush();
        const JournalState journal = read_journal(place.directory.journal());
        const ReportSources sources{planned.campaign, place.directory, place.ratios,
                                    planned.samples, stage_times(journal)};
        ReportInputs inputs = collect_report_inputs(sources);
        for (const FarmTimes& farm : journal.times.farms()) {
            inputs.facts.push_back({"farm of " + farm.stage, farm_sentence(farm)});
        }
        add_regions(planned, place, inputs);
        log_closures(inputs, context.log);
        publish_sealed(place.directory.report(), report_html(inputs, Plotter()));
    });
    return {StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm
