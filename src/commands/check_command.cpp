#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "campaign/bin_expectations.hpp"
#include "campaign/campaign.hpp"
#include "core/screen.hpp"
#include "measurement/fit_input.hpp"
#include "measurement/region_source.hpp"

#include "bundle.hpp"
#include "campaign_samples.hpp"
#include "check_events.hpp"
#include "command.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What does not fit together in ratio files and campaign.
void check_ratios(const Campaign& campaign,
                  const fs::path& own,
                  std::vector<std::string>& mistakes) {
    const bool has_files =
        !own.empty() || (!campaign.unbinned.empty() &&
                         std::all_of(campaign.unbinned.begin(), campaign.unbinned.end(),
                                     [](const auto& region) { return !region.ratios.empty(); }));
    if (!has_files) return;
    try {
        const RatioFiles ratios = open_ratio_files(campaign, own);
        expect_no_shared_events(campaign, ratios);
        const StatisticalModel model = model_for_ratios(campaign, ratios);
        for (std::size_t r = 0; r < ratios.size(); ++r) {
            fitted_sets(campaign, model, model.unbinned[r], *ratios[r]);
        }
    } catch (const Error& error) {
        add_lines(mistakes, error.what());
    }
}

/// Events that one net learns from, and that are not for nets; an unfolding does not split its
/// data, and of what it compares with it uses only the truth.
std::array<std::string, 2> use_of(const SampleInfo& sample, const Campaign& campaign) {
    if (campaign.unfolding && sample.name == campaign.unfolding->data) return {"all", "-"};
    if (campaign.unfolding && std::ranges::find(campaign.unfolding->compare, sample.name) !=
                                  campaign.unfolding->compare.end()) {
        return {"-", "-"};
    }
    return {fmt::format("{}", sample.training_events), fmt::format("{}", sample.inference_events)};
}

/// What a declared yield makes of the sum of weights; nothing where none is declared.
std::string declared_yield(const Campaign& campaign, const SampleInfo& sample) {
    std::string text;
    for (const auto& process : campaign.processes) {
        if (process.sample != sample.name || !process.yield) continue;
        text += fmt::format("; yield of {}: {:g}, {:.3g} times that", process.name, *process.yield,
                            *process.yield / sample.sum_of_weights);
    }
    return text;
}

void print_samples(const std::vector<SampleInfo>& samples, const Campaign& campaign) {
    std::size_t width = 6;
    for (const SampleInfo& sample : samples) width = std::max(width, sample.name.size());
    if (!samples.empty()) {
        show(fmt::format("  {:<{}} {:>10} {:>10} {:>10}   {}\n", "sample", width, "events",
                         "to train", "to infer", "sum of weights"));
    }
    for (const SampleInfo& sample : samples) {
        const auto [to_train, to_infer] = use_of(sample, campaign);
        show(fmt::format("  {:<{}} {:>10} {:>10} {:>10}   {:g}{}\n", sample.name, width,
                         sample.columns.events, to_train, to_infer, sample.sum_of_weights,
                         declared_yield(campaign, sample)));
        if (const ParticleFacts& lists = sample.facts.particles; lists.particles > 0) {
            show(fmt::format(
                "    particles {:.4g} in a mean event, {} at most, {} events without\n",
                static_cast<double>(lists.particles) / static_cast<double>(sample.columns.events),
                lists.most, lists.empty_events));
        }
        if (const LevelFacts& levels = sample.facts.levels; levels.matched.events > 0) {
            show(fmt::format("    matched {}, misses {}, fakes {}, neither {} (left out)\n",
                             levels.matched.events, levels.misses.events, levels.fakes.events,
                             levels.nothing.events));
        }
        for (const SampleWeights& weights : sample.weights) {
            show(fmt::format("    weights {:<10} sum to {:g}\n", weights.name, weights.sum));
        }
    }
}

void print_text(const Campaign& campaign,
                const std::vector<SampleInfo>& samples,
                const std::vector<std::string>& warnings) {
    if (campaign.unfolding) {
        show(
            fmt::format("campaign '{}' is valid (an unfolding; features: {}, truth: {}, "
                        "observables: {})\n",
                        campaign.name, campaign.events.features.size(),
                        campaign.unfolding->truth.size(), campaign.unfolding->observables.size()));
    } else {
        show(fmt::format("campaign '{}' is valid (processes: {}, parameters: {}, features: {})\n",
                         campaign.name, campaign.processes.size(), campaign.parameters.size(),
                         campaign.events.features.size()));
    }
    if (!campaign.systematics.empty() || campaign.unbinned.size() + campaign.binned.size() > 1) {
        show(fmt::format("  systematics: {}, unbinned regions: {}, binned regions: {}\n",
                         campaign.systematics.size(), campaign.unbinned.size(),
                         campaign.binned.size()));
    }
    if (const auto problem = training_problem(campaign); problem && !campaign.unfolding) {
        show(fmt::format("  can be fitted, but not trained: {}\n", *problem));
    }
    print_samples(samples, campaign);
    for (const std::string& warning : warnings) show(fmt::format("  warning: {}\n", warning));
}

void print_json(const Campaign& campaign,
                const std::vector<SampleInfo>& samples,
                const std::vector<std::string>& warnings) {
    nlohmann::ordered_json json{
        {"schema", 1}, {"campaign", campaign.name}, {"valid", true}, {"warnings", warnings}};
    for (const SampleInfo& sample : samples) {
        json["samples"].push_back({{"name", sample.name},
                                   {"events", sample.columns.events},
                                   {"training_events", sample.training_events},
                                   {"inference_events", sample.inference_events},
                                   {"sum_of_weights", sample.sum_of_weights},
                                   {"digest", sample.digest.hex()}});
        if (const ParticleFacts& lists = sample.facts.particles; lists.particles > 0) {
            json["samples"].back()["particles"] = {{"all", lists.particles},
                                                   {"most", lists.most},
                                                   {"empty_events", lists.empty_events},
                                                   {"events", lists.events}};
        }
        for (const SampleWeights& weights : sample.weights) {
            json["samples"].back()["weights"][weights.name] = weights.sum;
        }
    }
    fmt::print("{}\n", json.dump(2));
}

ExitCode run_check(RunContext&, const Arguments& arguments) {
    fs::path file = campaign_argument(arguments.positional());
    fs::path ratios = arguments.text("ratios");
    if (is_bundle(file)) {
        const Bundle bundle = open_bundle(file);
        file = bundle.campaign();
        if (fs::exists(bundle.ratios())) ratios = bundle.ratios();
    }
    CampaignDraft draft =
        draft_campaign(read_campaign_text(file), file.parent_path(), file.string());
    std::vector<std::string> warnings;
    const bool is_sound = draft.mistakes.empty();
    auto samples = check_events(draft.campaign, file, draft.mistakes, warnings);
    for (SampleInfo& sample : samples) {  // no net learns from data, and all of them are fitted
        if (sample.name != draft.campaign.data.sample || draft.campaign.unfolding) continue;
        sample.training_events = 0;
        sample.inference_events = sample.columns.events;
    }
    if (is_sound) {  // whatever is wrong with the events
        check_ratios(draft.campaign, ratios, draft.mistakes);
        const BinExpectations bins = bin_expectations(draft.campaign);
        std::ranges::copy(bins.mistakes, std::back_inserter(draft.mistakes));
        std::ranges::copy(bins.warnings, std::back_inserter(warnings));
    }
    if (!draft.mistakes.empty()) throw ConfigError(mistakes_text(draft.mistakes, file.string()));
    if (arguments.has("print-config")) {
        fmt::print("{}", campaign_toml(draft.campaign));
    } else if (arguments.has("json")) {
        print_json(draft.campaign, samples, warnings);
    } else {
        print_text(draft.campaign, samples, warnings);
    }
    return ExitCode::done;
}

}  // namespace

Command check_command() {
    return {.name = "check",
            .group = Group::begin,
            .summary = "Reports all that is wrong with a campaign and its events",
            .examples = {"check campaign.toml"},
            .positional = {"CAMPAIGN.toml"},
            .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                        {"ratios", "FILE", "ratio file that the campaign is to fit"},
                        {"print-config", "", "print the campaign with every default written out"},
                        {"json", "", "print the facts as JSON"}},
            .run = run_check};
}

}  // namespace ratiofarm
