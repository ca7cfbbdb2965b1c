#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "core/program_version.hpp"
#include "core/sealed_text.hpp"
#include "measurement/spectra.hpp"
#include "report/collect_report_inputs.hpp"
#include "report/farm_text.hpp"
#include "report/report_age.hpp"
#include "report/report_html.hpp"
#include "results/fit_json.hpp"
#include "store/farm_progress.hpp"
#include "store/lock.hpp"

#include "ensembles.hpp"
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
                      {"chi2", closure.closure.agreement.chi2},
                      {"ndf", static_cast<std::uint64_t>(closure.closure.agreement.ndf)},
                      {"rest", closure.closure.agreement.rest}});
        }
    }
    for (const std::string& warning : inputs.warnings) log.warning(warning);
}

/// What the regions selected, and their bins.
void add_regions(const PlannedCampaign& planned, const RunPlace& place, ReportInputs& inputs) {
    if (planned.missing != Unresolved::selection && needs_selection(planned.written)) {
        if (auto record = find_selection(place.directory)) {
            inputs.selection = SelectionInputs{std::move(*record), planned.written};
        }
    }
}

/// Data against the fitted model.
void add_spectra(const PlannedCampaign& planned, const RunPlace& place, ReportInputs& inputs) {
    if (!inputs.fit) return;
    try {
        inputs.spectra = spectra({planned.campaign, place.ratios, planned.samples, place.threads()},
                                 inputs.fit->fit);
    } catch (const std::exception& error) {
        inputs.warnings.push_back(std::string("no data against the model: ") + error.what());
    }
}

/// Whether it exists and is not damaged.
bool is_ratio_file(const std::filesystem::path& path) {
    try {
        return std::filesystem::exists(path) && !RatioFile(path).sets().empty();
    } catch (const Error&) {
        return false;  // the report says why
    }
}

/// Why fit.json is not the fit of this campaign and of these ratios; empty: it is, or there is
/// none.
std::string foreign_fit(const PlannedCampaign& planned, const RunPlace& place) {
    const std::filesystem::path path = place.directory.fit_json();
    if (!std::filesystem::exists(path)) return {};
    if (!planned.left_out.empty()) return planned.left_out;
    const Campaign& campaign = planned.campaign;
    MadeFrom made;
    try {
        made = parse_fit_json(read_sealed(path)).made_from;
    } catch (const DataError&) {
        return {};  // the report says so, and does without it
    }
    const bool has_ratios = std::ranges::all_of(campaign.unbinned, [&](const auto& region) {
        return !region.ratios.empty() || is_ratio_file(place.ratios);
    });
    MadeFrom now = fit_made_from(campaign);
    if (has_ratios) now = made_from(campaign, open_ratio_files(campaign, place.ratios));
    auto changes = differences(made, now);
    if (!has_ratios) {  // it was a fit of a ratio file that the command line named
        std::erase_if(changes, [](const auto& line) { return line.starts_with("ratios."); });
    }
    if (changes.empty()) return {};
    const std::string why =
        made.empty() ? "\n  it does not say what it was made from (an older version wrote it)"
                     : first_of(changes, "\n  ");
    return fmt::format(
        "'{}' is the fit of another campaign and left out:{}\nrun 'ratiofarm fit' with this one "
        "(a fit with --ratios is reported with the same --ratios)",
        path.string(), why);
}

/// Ensembles that are not gathered, as far as their nets are trained.
/// \throws DataError if the file of one is damaged
std::vector<EnsembleChoice> ungathered(const PlannedCampaign& planned, const RunPlace& place) {
    const auto is_shown = [&](const PlannedEnsemble& ensemble) {
        if (is_gathered(planned.campaign, place.directory, ensemble)) return true;
        const auto path = place.directory.ensemble(ensemble.spec.name);
        if (std::filesystem::exists(path)) read_ensemble(path);  // other nets, or damage
        return false;
    };
    std::vector<bool> shown;
    for (const PlannedEnsemble& ensemble : planned.graph.ensembles)
        shown.push_back(is_shown(ensemble));
    if (std::ranges::all_of(shown, std::identity())) return {};
    std::vector<EnsembleChoice> choices;
    Ensembles ensembles(planned, place, Ensembles::Curves::kept);
    std::size_t index = 0;
    for (EnsembleChoice& choice : ensembles.choices()) {
        if (!shown[index++]) choices.push_back(std::move(choice));
    }
    return choices;
}

/// Which farms have worked, how busy they were, and who works now.
/// \param has_lock  our own command holds the lock: it is `run`, whose last stage this is
void add_farms(const RunDirectory& directory,
               const JournalState& journal,
               bool has_lock,
               ReportInputs& inputs) {
    const auto working = farms_at_work(directory);
    for (const FarmTimes& farm : journal.times.farms()) {
        // The end of a stage gives its farms their name; toys are of no stage.
        const std::string unnamed = working.empty() ? "toys" : "now";
        const std::string& stage = farm.stage.empty() ? unnamed : farm.stage;
        inputs.facts.push_back({"farm of " + stage, farm_sentence(farm)});
        constexpr std::size_t intervals = 60;
        inputs.farms.push_back({stage, profile_of(farm, farm.seconds(), intervals)});
    }
    for (const FarmStarted& farm : journal.farms) {
        Fact fact{
            farm.version.empty() ? "farm" : "farm of " + farm.version,
            fmt::format("{} rank{} on {}", farm.ranks, farm.ranks == 1 ? "" : "s", farm.host)};
        if (!farm.job.empty()) fact.value += ", job " + farm.job;
        if (std::ranges::find(inputs.facts, fact.value, &Fact::value) == inputs.facts.end()) {
            inputs.facts.push_back(std::move(fact));
        }
    }
    for (const SeenProgress& seen : working) inputs.farms_at_work.push_back(seen.progress.text());
    if (!has_lock && inputs.farms_at_work.empty() && living_owner(directory.lock())) {
        inputs.farms_at_work.emplace_back("between two rounds of tasks");
    }
}

void write_report(const RunDirectory& directory,
                  const ReportInputs& inputs,
                  ReportAs as,
                  const Log& log) {
    Plotter plotter;
    if (as == ReportAs::pictures) {
        if (!plotter.available()) throw DataError(plotter.complaint());
        plotter = plotter.into(directory.plots());
        report_html(inputs, plotter);
    } else {
        publish_sealed(directory.report(), report_html(inputs, plotter));
    }
    for (const std::string& warning : plotter.warnings()) {
        log.warning("gnuplot", {{"says", warning}});
    }
}

}  // namespace

StageEnd report_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books,
                      ReportAs as) {
    StageEnd end;
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        if (books.journal) books.journal->flush();
        const JournalState journal = read_journals(place.directory);
        const ReportSources sources{
            .campaign = planned.campaign,
            .directory = place.directory,
            .ratios = place.ratios,
            .samples = planned.samples,
            .stages = stage_times(journal),
            .left_out = planned.left_out,
            .foreign_fit = foreign_fit(planned, place),
            .unresolved = planned.missing != Unresolved::nothing,
            .ungathered = ungathered(planned, place),
            .on_damage = books.lock == nullptr ? OnDamage::leave_out : OnDamage::stop};
        const std::string shown = shown_results(place.directory);  // before they are read
        ReportInputs inputs = collect_report_inputs(sources);
        inputs.shown = shown;
        add_farms(place.directory, journal, books.lock != nullptr, inputs);
        inputs.facts.push_back({"this report", fmt::format("{}, {}", made_by(), utc_now())});
        add_regions(planned, place, inputs);
        add_spectra(planned, place, inputs);
        log_closures(inputs, context.log);
        end.warnings = inputs.warnings;
        write_report(place.directory, inputs, as, context.log);
    });
    return end;
}

}  // namespace ratiofarm
