#include "found_campaign.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/sample_weights.hpp"
#include "campaign/selection/plain_campaign.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_planner.hpp"
#include "core/sealed_text.hpp"
#include "core/suggest.hpp"
#include "pipeline/search/searched_campaign.hpp"

#include "blinding.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Raised when the same events and cuts give another selection.
constexpr std::uint64_t selection_algorithm = 1;

void add(const Cut& cut, Hasher& hasher) {
    hasher.text(fmt::format("{} {} {}", cut.observable, cut.low, cut.high));
}

void add(const SelectionRegion& region, Hasher& hasher) {
    hasher.text(region.name).number(static_cast<std::uint64_t>(region.kind));
    hasher.number(region.cuts.size());
    for (const Cut& cut : region.cuts) add(cut, hasher);
    hasher.text(region.observable).text(fmt::format("{}", fmt::join(region.edges, " ")));
}

void add_score(const Campaign& campaign, Hasher& hasher) {
    const PreselectionSection& section = *campaign.preselection;
    for (const auto& each : section.classes) {
        hasher.text(fmt::format("{}: {}", each.name, fmt::join(each.processes, " ")));
    }
    hasher.text(fmt::format("{}", fmt::join(section.signal, " ")));
    for (const auto& [name, weight] : section.weights) {
        hasher.text(fmt::format("{} {}", name, weight));
    }
    for (const auto& [process, share] : campaign.reference.mixture) {
        hasher.text(fmt::format("{} {}", process, share));
    }
}

/// Features of the nets that see the events as they are in the file.
const std::vector<std::string>& features_of_nets(const Campaign& campaign) {
    const bool own = campaign.preselection && !campaign.preselection->features.empty();
    return own ? campaign.preselection->features : campaign.events.features;
}

/// Columns that a selection looks at and that go into the fit's support.
std::vector<std::string> columns_of_selection(const Campaign& campaign) {
    std::vector<std::string> columns = campaign.events.features;
    const RegionCuts cuts(campaign);
    for (const SelectionObservable& observable : cuts.observables()) {
        const bool known =
            std::find(columns.begin(), columns.end(), observable.name) != columns.end();
        if (observable.source != SelectionObservable::Source::column || known) continue;
        columns.push_back(observable.name);
    }
    return columns;
}

/// Nobody reads the data of a blind campaign, but they have to be there once it is opened.
/// They are looked for in the user's file: a copy has only what is read.
void expect_blind_data(const Campaign& written) {
    const std::string& data = written.data.sample;
    const fs::path file = written.events_path();
    if (!written.data.blind || data.empty() || !fs::exists(file)) return;
    const std::vector<std::string> names = sample_names(file);
    if (std::ranges::find(names, data) != names.end()) return;
    throw ConfigError(fmt::format("data.sample = \"{}\": '{}' has no such sample{}", data,
                                  file.string(), did_you_mean(data, names)));
}

void expect_observables(const Campaign& written, const std::vector<SampleInfo>& samples) {
    const auto unknown = unknown_observables(written, samples);
    if (!unknown.empty()) throw DataError(fmt::format("{}", fmt::join(unknown, "\n")));
}

}  // namespace

fs::path mapped_events(const Campaign& written, const fs::path& folder, const Log& log) {
    return contiguous_events(written.events_path(), samples_to_read(written), folder, [&] {
        log.info(
            "copying the events into the run directory: trainers map uncompressed numbers of the "
            "types and places that docs/formats.md lists",
            {{"file", written.events_path().string()}});
    });
}

SourceEvents read_source_events(const Campaign& written, const fs::path& file) {
    const auto names = samples_to_read(written);
    const auto& features = features_of_nets(written);
    expect_blind_data(written);
    SourceEvents source{read_sample_info(file, names, features, written.split), {}};
    expect_unit_weights(written, source.samples);
    if (!needs_selection(written)) return source;
    expect_observables(written, source.samples);
    const auto columns = columns_of_selection(written);
    const auto further = columns == features
                             ? source.samples
                             : read_sample_info(file, names, columns, written.split);
    Hasher hasher;
    for (const SampleInfo& sample : further) {
        hasher.text(sample.name).digest(sample.digest);
        for (const SampleWeights& weights : sample.weights) {
            hasher.text(weights.name).digest(weights.digest);
        }
    }
    source.observables = hasher.finish();
    return source;
}

Digest selection_rules(const Campaign& written) {
    Hasher hasher;
    hasher.text("selection").number(selection_algorithm);
    for (const SelectionRegion& region : selection_regions(written)) add(region, hasher);
    if (written.preselection) add_score(written, hasher);
    const Split& split = written.split;
    hasher.text(
        fmt::format("{} {} {} {}", split.train, split.validation, split.inference, split.folds));
    for (const SampleToRead& sample : samples_to_read(written)) {
        hasher.text(fmt::format("{}: {}", sample.name, fmt::join(sample.weights, " ")));
    }
    hasher.text(fmt::format("{}", fmt::join(support_samples(written), " ")));
    hasher.text(written.data.fitted_sample())
        .number(static_cast<std::uint64_t>(written.data.outside));
    return hasher.finish();
}

Digest selection_inputs(const Campaign& written,
                        const SourceEvents& source,
                        std::string_view device_class) {
    Hasher hasher;
    hasher.digest(selection_rules(written)).digest(source.observables);
    if (written.preselection) {
        const TaskGraph graph = make_preselection_graph({written, source.samples, device_class});
        for (const PlannedEnsemble& ensemble : graph.ensembles) hasher.digest(ensemble.digest);
    }
    return hasher.finish();
}

std::optional<SelectionRecord> find_selection(const RunDirectory& directory) {
    const fs::path path = directory.selection_json();
    if (!fs::exists(path)) return std::nullopt;
    try {
        return parse_selection_json(read_sealed(path));
    } catch (const DataError& damage) {
        throw DataError(fmt::format(
            "{}; 'ratiofarm select' makes '{}' again (or 'ratiofarm run', which does it, too)",
            damage.what(), path.string()));
    }
}

namespace {

/// Whether the counts of a record are of the regions and bins of a campaign.
bool is_of(const SelectionRecord& record, const Campaign& written) {
    const auto regions = selection_regions(written);
    const auto fits = [&](const SampleSums& sums) {
        return std::ranges::equal(
            sums.regions, regions, [](const RegionSums& counted, const SelectionRegion& region) {
                const std::size_t n = region.n_bins();
                return counted.bins.size() == n && counted.squares.size() == n &&
                       counted.in_bin.size() == n;
            });
    };
    return std::ranges::all_of(record.sums, fits) &&
           std::ranges::all_of(record.scores, [](const ScoreHistogram& histogram) {
               return histogram.weights.size() == score_bins;
           });
}

}  // namespace

FoundCampaign find_plain_campaign(const Campaign& written,
                                  const RunDirectory& directory,
                                  const std::optional<Digest>& inputs) {
    if (!needs_selection(written)) return {Unresolved::nothing, written, {}};
    const auto record = find_selection(directory);
    const bool fits =
        record && is_of(*record, written) &&
        (inputs ? record->inputs == *inputs : record->rules == selection_rules(written)) &&
        (trained_region(written) == nullptr || fs::exists(directory.selected_events()));
    if (!fits) return {Unresolved::selection, written, {}};
    PlainCampaign plain =
        plain_campaign(written, record->sums, directory.selected_events().string());
    return {Unresolved::nothing, std::move(plain.campaign), std::move(plain.warnings)};
}

Campaign copied_campaign(const RunDirectory& directory) {
    const fs::path path = directory.campaign();
    try {
        return parse_campaign(read_sealed(path), path.parent_path(), path.string());
    } catch (const Error& damage) {
        throw DataError(fmt::format(
            "{}; 'ratiofarm run CAMPAIGN.toml --out {}' with the campaign file writes it again",
            damage.what(), directory.root().string()));
    }
}

Campaign written_campaign(const RunDirectory& directory) {
    Campaign written = copied_campaign(directory);
    open_if_unblinded(written, directory);
    return written;
}

FoundCampaign find_campaign_of_run(const RunDirectory& directory) {
    Campaign written = copied_campaign(directory);
    std::vector<std::string> warnings;
    try {
        open_if_unblinded(written, directory);
    } catch (const DataError& problem) {  // blind, as far as one knows
        warnings.push_back(problem.what());
    }
    FoundCampaign found;
    try {
        found = find_plain_campaign(written, directory, std::nullopt);
    } catch (const DataError& problem) {  // cuts that no event passes
        warnings.push_back(problem.what());
        return {Unresolved::selection, written, std::move(warnings)};
    }
    std::ranges::move(warnings, std::back_inserter(found.warnings));
    if (found.missing != Unresolved::nothing || !found.campaign.search) return found;
    try {
        if (auto searched = searched_campaign(found.campaign, directory)) {
            found.campaign = std::move(*searched);
            return found;
        }
    } catch (const DataError& problem) {
        found.warnings.push_back(problem.what());
    }
    found.missing = Unresolved::search;
    return found;
}

void expect_plain(Unresolved missing, const RunDirectory& directory) {
    if (missing == Unresolved::nothing) return;
    if (missing == Unresolved::search) {
        throw DataError(fmt::format(
            "'{}' holds no finished search for this campaign; run 'ratiofarm search' first (or "
            "'ratiofarm run', which does it, too)",
            directory.root().string()));
    }
    throw DataError(fmt::format(
        "'{}' holds no selection of events for the regions of this campaign; run 'ratiofarm "
        "select' first (or 'ratiofarm run', which does it, too)",
        directory.root().string()));
}

}  // namespace ratiofarm
