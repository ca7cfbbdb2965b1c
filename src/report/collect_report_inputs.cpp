#include "collect_report_inputs.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "campaign/ensemble_spec.hpp"
#include "campaign/find_sample.hpp"
#include "campaign/make_model.hpp"
#include "core/sealed_text.hpp"
#include "core/signal_flags.hpp"
#include "protocol/list_quantities.hpp"

#include "process_summary.hpp"
#include "quality_summary.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

const ProcessSection* section_of(const Campaign& campaign, const std::string& process) {
    const auto found = std::find_if(campaign.processes.begin(), campaign.processes.end(),
                                    [&](const auto& section) { return section.name == process; });
    return found == campaign.processes.end() ? nullptr : &*found;
}

/// Sample of a process: from the campaign, else from the reference of the ratio file.
std::string sample_of(const Campaign& campaign,
                      const RatioHeader& header,
                      const std::string& process) {
    if (const ProcessSection* section = section_of(campaign, process)) return section->events();
    for (const ReferenceComponent& component : header.reference) {
        if (component.process == process) return component.sample;
    }
    return process;
}

EnsembleSummary summarise_ensemble(const fs::path& path) {
    const EnsembleFile file = read_ensemble(path);
    EnsembleSummary summary;
    summary.combine = word_for(file.header.combine);
    summary.parameters_per_net = trainable_size(file.header.network);
    for (EnsembleNet& net : read_nets(file)) {
        summary.training_events = net.result.training_events;
        summary.validation_events = net.result.validation_events;
        summary.negative_weights = net.result.negative_weights;
        summary.members.push_back({.training_loss = std::move(net.result.training_loss),
                                   .validation_loss = std::move(net.result.validation_loss),
                                   .best_epoch = net.result.best_epoch,
                                   .best_validation_loss = net.result.best_validation_loss});
    }
    return summary;
}

/// Samples of the reference and of the processes that the ratio file holds, each once.
std::vector<std::string> samples_to_load(const RatioFile& ratios, const Campaign& campaign) {
    std::vector<std::string> wanted;
    for (const ReferenceComponent& component : ratios.header().reference) {
        wanted.push_back(component.sample);
    }
    for (const RatioProcess& process : ratios.header().processes) {
        wanted.push_back(sample_of(campaign, ratios.header(), process.name));
    }
    std::vector<std::string> names;
    for (const RatioSet& set : ratios.sets()) {
        if (std::find(wanted.begin(), wanted.end(), set.name) != wanted.end()) {
            names.push_back(set.name);
        }
    }
    return names;
}

/// A density that the nets miss is the first thing to know.
void add_closure_warnings(const std::string& process,
                          const ProcessSummary& summary,
                          std::vector<std::string>& warnings) {
    const auto add = [&](const std::string& where, const Closure& closure) {
        const Agreement& agreement = closure.agreement;
        if (verdict_of(agreement) != Verdict::differs) return;
        warnings.push_back(fmt::format(
            "process '{}' does not close in {}: the reweighted reference is {:.0f} % off beyond "
            "its statistics, chi2 {:.0f} for {} degrees of freedom",
            process, where, 100.0 * agreement.rest, agreement.chi2, agreement.ndf));
    };
    if (summary.score_closure) add("log r", *summary.score_closure);
    for (const FeatureClosure& feature : summary.closures) add(feature.feature, feature.closure);
}

/// Its name, yield and coefficient, as the campaign has them.
void describe(const ReportSources& sources,
              const RatioHeader& header,
              const RatioProcess& process,
              ProcessSummary& summary) {
    summary.name = process.name;
    summary.sample = sample_of(sources.campaign, header, process.name);
    summary.yield = process.yield;
    if (const ProcessSection* section = section_of(sources.campaign, process.name)) {
        summary.coefficient = section->coefficient.text();
        for (const UnbinnedRegionSection& region : sources.campaign.unbinned) {
            if (!region.ratios.empty()) continue;
            summary.yield =
                yield_in_region(sources.campaign, region, {process.name, process.yield});
        }
    }
    for (const ReferenceComponent& component : header.reference) {
        if (component.process == process.name) summary.reference_fraction += component.fraction;
    }
}

/// Its ensemble, if that is the one that was gathered last.
std::optional<EnsembleSummary> ensemble_of(const ReportSources& sources, const std::string& name) {
    const fs::path path = sources.directory.ensemble(file_word(name));
    const bool gathered = std::ranges::find(sources.ungathered, name, &EnsembleChoice::name) ==
                          sources.ungathered.end();
    if (!gathered || !fs::exists(path)) return std::nullopt;
    return summarise_ensemble(path);
}

/// One process with the diagnostics that its events allow.
ProcessSummary process_summary(const ReportSources& sources,
                               const RatioFile& ratios,
                               const InferenceEvents& events,
                               std::size_t index,
                               std::vector<std::string>& warnings) {
    const RatioHeader& header = ratios.header();
    const RatioProcess& process = header.processes[index];
    const std::string sample = sample_of(sources.campaign, header, process.name);
    const bool has_sample = std::ranges::find(events.samples(), sample, &InferenceSample::name) !=
                            events.samples().end();
    std::optional<EnsembleSummary> ensemble = ensemble_of(sources, process.name);
    const std::size_t folds = std::max<std::size_t>(header.split.folds, 1);
    ProcessSummary summary;
    if (has_sample && !header.reference.empty()) {
        summary = in_context("process '" + process.name + "'", [&] {
            return summarise_process(events, index, events.index_of(sample), header,
                                     ratios.summary(), events.features(),
                                     ensemble ? ensemble->members.size() / folds : 1);
        });
        add_closure_warnings(process.name, summary, warnings);
        summary.accuracy = exact_accuracy(events, index, sample, header);
    } else {
        warnings.push_back(
            "process '" + process.name +
            "': no check of its ratios, because the ratio file does not hold sample '" + sample +
            "' and the reference");
    }
    describe(sources, header, process, summary);
    summary.ensemble = std::move(ensemble);
    if (summary.ensemble) summary.ensemble->spread = reference_spread(events, index);
    return summary;
}

void add_ratios(const ReportSources& sources, ReportInputs& inputs) {
    const RatioFile ratios(sources.ratios);
    const RatioHeader& header = ratios.header();
    inputs.warnings.insert(inputs.warnings.end(), ratios.warnings().begin(),
                           ratios.warnings().end());
    const InferenceEvents events(ratios, samples_to_load(ratios, sources.campaign), sources.samples,
                                 shown_columns(sources.campaign.events.features, sources.samples));
    if (!events.features().empty() && !events.has_features()) {
        inputs.warnings.push_back(
            "no closure in the features: the events file is not available, or the ratio file does "
            "not name its rows");
    }
    for (std::size_t j = 0; j < header.processes.size(); ++j) {
        expect_no_stop();
        inputs.processes.push_back(process_summary(sources, ratios, events, j, inputs.warnings));
    }
    if (!header.reference.empty()) {
        inputs.identity = identity_of(events, header);
        inputs.identity_mean_before = 1.0 + ratios.summary().identity_before.mean;
    }
    inputs.facts.push_back({"digest of the ratios' inputs", header.inputs.hex()});
    inputs.facts.push_back({"ratios normalised on the reference",
                            header.shape_norm == ShapeNorm::reference ? "yes" : "no"});
}

/// Gates and losses of all nets; why nets are missing.
void add_ensembles(const ReportSources& sources, ReportInputs& inputs) {
    inputs.ensembles = collect_quality(sources);
    std::uint64_t planned = 0;
    std::uint64_t trained = 0;
    for (const EnsembleChoice& choice : sources.ungathered) {
        const EnsembleRole role =
            sources.unresolved ? EnsembleRole::classes : EnsembleRole::nominal;
        UnderWay one{choice.name,
                     summarise_training(choice, net_settings(sources.campaign, role).combine)};
        planned += choice.slots.size();
        for (const NetSlot& slot : choice.slots) trained += slot.tried.empty() ? 0 : 1;
        for (const std::string& failure : choice.failures()) inputs.warnings.push_back(failure);
        if (!one.summary.members.empty()) inputs.under_way.push_back(std::move(one));
    }
    if (planned == 0) return;
    inputs.warnings.push_back(fmt::format(
        "not finished: of {} nets of ensembles that are not gathered yet {} are trained; their "
        "gates and losses are below",
        planned, trained));
}

/// Whether a region is fitted by the ratios of the campaign's own nets, or of --ratios.
bool wants_ratios(const Campaign& campaign) {
    if (campaign.unfolding) return false;
    return campaign.has_events() || std::ranges::any_of(campaign.unbinned, [](const auto& region) {
               return region.ratios.empty();
           });
}

void add_campaign_facts(const Campaign& campaign, ReportInputs& inputs) {
    const auto fact = [&](const char* name, std::string value) {
        inputs.facts.push_back({name, std::move(value)});
    };
    fact("seed", fmt::format("{}", campaign.seed));
    if (!campaign.has_events()) return;
    const Split& split = campaign.split;
    fact("events file", campaign.events.file);
    fact("features", campaign.events.features.empty()
                         ? "none beside particle lists"
                         : fmt::format("{}", fmt::join(campaign.events.features, ", ")));
    fact("split (training, validation, inference)",
         fmt::format("{:g}, {:g}, {:g}", split.train, split.validation, split.inference));
    const Network& network = campaign.network;
    const std::string lists =
        network.gram > 0
            ? fmt::format("pair products of the {} leading particles beside the features, ",
                          network.gram)
        : !reads_particles(network.kind)
            ? ""
            : fmt::format("{} of at most {} particles ({}), width {}, blocks {}{}, then ",
                          word_of(network.kind), network.max_particles,
                          fmt::join(network.particles, ", "), network.width, network.blocks,
                          network.beams ? ", with beams" : "");
    fact("network", fmt::format("{}hidden layers {}, {}", lists, fmt::join(network.hidden, " x "),
                                word_of(network.activation)));
}

/// That of another campaign is not shown.
void add_unfolding(const ReportSources& sources, ReportInputs& inputs) {
    const fs::path path = sources.directory.unfold_json();
    inputs.unfolds = sources.campaign.unfolding.has_value();
    if (!inputs.unfolds || !fs::exists(path)) return;
    UnfoldRecord record = parse_unfold_json(read_sealed(path));
    auto changes = differences(record.made_from, unfold_made_from(sources.campaign));
    for (const auto& [name, digest] : record.samples) {
        const SampleInfo* sample = sample_if_there(sources.samples, name);
        if (sample == nullptr || sample->digest.hex() == digest) continue;
        changes.push_back("sample '" + name + "': other events");
    }
    if (changes.empty()) {
        inputs.unfolding = std::move(record);
        return;
    }
    inputs.warnings.push_back("unfold.json is of another campaign; run 'ratiofarm unfold' again" +
                              first_of(changes, "\n  "));
}

/// What a goodness of fit and a fit of one campaign disagree about; empty: nothing.
std::string other_fit_of(const GofRecord& gof, const FitRecord& record) {
    if (gof.data != record.data) return fmt::format("data: {} -> {}", gof.data, record.data);
    if (gof.poi != record.fit.poi) {
        return fmt::format("parameter of interest: {} -> {}", gof.poi, record.fit.poi);
    }
    const FittedParameter* poi = find_fitted(record.fit, gof.poi);
    constexpr double near = 0.05;  // of an error: toys expand the normalisations
    if (poi == nullptr || !(std::abs(poi->value - gof.best) > near * poi->error)) return {};
    return fmt::format("best {}: {:.4g} -> {:.4g}", gof.poi, gof.best, poi->value);
}

/// The goodness of another fit, made before the data or the model changed, is not shown.
void add_goodness_of_fit(const ReportSources& sources, ReportInputs& inputs) {
    const fs::path path = sources.directory.gof_json();
    if (!fs::exists(path)) return;
    GofRecord gof = parse_gof_json(read_sealed(path));
    const auto changes = differences(gof.made_from, inputs.fit->made_from);
    if (!changes.empty()) {
        inputs.warnings.push_back("gof.json belongs to another fit; run 'ratiofarm gof' again" +
                                  first_of(changes, "\n  "));
        return;
    }
    const std::string other = other_fit_of(gof, *inputs.fit);
    if (other.empty()) {
        inputs.gof = std::move(gof);
        return;
    }
    inputs.warnings.push_back("gof.json belongs to another fit; run 'ratiofarm gof' again\n  " +
                              other);
}

/// Like the goodness of another fit.
void add_toys(const ReportSources& sources, ReportInputs& inputs) {
    const fs::path path = sources.directory.toys_json();
    if (!fs::exists(path)) return;
    ToyResults toys = parse_toys_json(read_sealed(path));
    const auto changes = differences(toys.made_from, inputs.fit->made_from);
    if (changes.empty() && toys.poi == inputs.fit->fit.poi) {
        inputs.toys = std::move(toys);
        return;
    }
    inputs.warnings.push_back("toys.json belongs to another fit; run 'ratiofarm toys' again" +
                              first_of(changes, "\n  "));
}

void add_ratios_if_any(const ReportSources& sources, ReportInputs& inputs) {
    if (!sources.left_out.empty()) {
        if (sources.left_out != sources.foreign_fit) inputs.warnings.push_back(sources.left_out);
    } else if (fs::exists(sources.ratios)) {
        add_ratios(sources, inputs);
    } else if (wants_ratios(sources.campaign)) {
        inputs.warnings.push_back(
            "no checks of the ratios: '" + sources.ratios.string() + "' does not exist yet; " +
            (inputs.fit ? "a fit with --ratios FILE is reported with the same --ratios FILE"
                        : "'ratiofarm infer' makes it, --ratios FILE names another"));
    }
}

/// \param cure  what makes the file again
void leave_out(OnDamage on_damage,
               const Error& error,
               const std::string& cure,
               ReportInputs& inputs) {
    if (on_damage == OnDamage::stop || error.exit_code() == ExitCode::resumable) throw;
    inputs.warnings.push_back(fmt::format("left out of the page: {}\n{}", error.what(), cure));
}

void add_search(const ReportSources& sources, ReportInputs& inputs) {
    const fs::path path = sources.directory.search_json();
    if (!sources.left_out.empty() || !fs::exists(path)) return;
    inputs.search = parse_search_json(read_sealed(path));
}

void add_fit(const ReportSources& sources, ReportInputs& inputs) {
    const fs::path path = sources.directory.fit_json();
    if (!sources.foreign_fit.empty()) {
        inputs.warnings.push_back(sources.foreign_fit);
    } else if (fs::exists(path)) {
        inputs.fit = parse_fit_json(read_sealed(path));
        inputs.facts.push_back({"digest of the fit's inputs", inputs.fit->inputs});
    }
}

void add_parts(const ReportSources& sources, ReportInputs& inputs) {
    const auto add = [&](auto part, const std::string& cure) {
        try {
            part(sources, inputs);
        } catch (const Error& error) {
            leave_out(sources.on_damage, error, cure, inputs);
        }
    };
    add(add_search, "'ratiofarm search' makes it again");
    add(add_unfolding, "'ratiofarm unfold' makes it again");
    add(add_fit, "'ratiofarm fit' makes it again");
    if (inputs.fit) {
        add(add_goodness_of_fit, "'ratiofarm gof' makes it again");
        add(add_toys, "'ratiofarm toys' makes it again");
    }
    const bool own = sources.ratios == sources.directory.ratios();
    add(add_ratios_if_any,
        own ? "'ratiofarm infer' makes it again" : "name another file with --ratios");
}

void add_files(const ReportSources& sources, ReportInputs& inputs) {
    const RunDirectory& directory = sources.directory;
    const std::pair<fs::path, const char*> files[] = {
        {directory.campaign(), "resolved campaign, valid input again"},
        {directory.ensembles(), "the nets, one file per process"},
        {sources.ratios, "ratios of every event; the input of the fit"},
        {directory.fit_json(), "result of the fit"},
        {directory.unfold_json(), "unfolded histograms and how the iterations went"},
        {directory.unfolded(), "unfolded events with their weights"},
        {directory.gof_json(), "goodness of the fit"},
        {directory.toys_json(), "toys: pulls, thresholds, p-values"},
        {directory.unblinding(), "when and why the data were looked at"}};
    for (const auto& [path, meaning] : files) {
        if (fs::exists(path)) inputs.files.push_back({path.filename().string(), meaning});
    }
}

}  // namespace

ReportInputs collect_report_inputs(const ReportSources& sources) {
    ReportInputs inputs;
    inputs.campaign = sources.campaign.name;
    inputs.campaign_toml = campaign_toml(sources.campaign);
    inputs.stages = sources.stages;
    inputs.labels = sources.campaign.labels;
    add_campaign_facts(sources.campaign, inputs);
    add_ensembles(sources, inputs);
    add_parts(sources, inputs);
    add_files(sources, inputs);
    return inputs;
}

}  // namespace ratiofarm
