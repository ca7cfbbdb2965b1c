#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/bin_expectations.hpp"
#include "campaign/campaign.hpp"
#include "campaign/file/config_node.hpp"
#include "campaign/make_model.hpp"
#include "campaign/reference_range.hpp"
#include "campaign/sample_weights.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"
#include "campaign/training_planner.hpp"
#include "core/publish.hpp"
#include "core/screen.hpp"
#include "core/suggest.hpp"
#include "measurement/fit_input.hpp"
#include "measurement/region_source.hpp"

#include "bundle.hpp"
#include "campaign_samples.hpp"
#include "command.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

void add_lines(std::vector<std::string>& lines, const std::string& text) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

/// Why `train` and `run` would refuse a campaign that `fit` may take.
std::optional<std::string> training_problem(const Campaign& campaign) {
    try {
        expect_trainable(campaign);
        return std::nullopt;
    } catch (const ConfigError& problem) {
        return problem.what();
    }
}

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

void add_outlook(const TrainingOutlook& outlook,
                 std::vector<std::string>& mistakes,
                 std::vector<std::string>& warnings) {
    mistakes.insert(mistakes.end(), outlook.mistakes.begin(), outlook.mistakes.end());
    warnings.insert(warnings.end(), outlook.warnings.begin(), outlook.warnings.end());
}

/// Where a campaign names a sample: the place of the value, else that of a process of this name.
struct SampleKey {
    std::string key;
    Position at;
};

std::optional<SampleKey> find_key(const ConfigNode& node,
                                  const std::string& sample,
                                  std::span<const std::string_view> keys,
                                  const std::string& path = {}) {
    if (const auto* list = node.get_if<ConfigNode::Array>()) {
        for (const ConfigNode& entry : *list) {
            if (auto found = find_key(entry, sample, keys, path)) return found;
        }
    }
    const auto says = [&](const ConfigNode& value) {
        const auto* text = value.get_if<std::string>();
        return text != nullptr && *text == sample;
    };
    const auto* table = node.get_if<ConfigNode::Table>();
    if (table == nullptr) return std::nullopt;
    for (const auto& [key, at, value] : *table) {
        const std::string here = path.empty() ? key : path + "." + key;
        if (std::ranges::find(keys, key) != keys.end()) {
            if (says(value)) return SampleKey{here, value.position};
            if (const auto* list = value.get_if<ConfigNode::Array>()) {
                const auto entry = std::ranges::find_if(*list, says);
                if (entry != list->end()) return SampleKey{here, entry->position};
            }
        }
        if (auto found = find_key(value, sample, keys, here)) return found;
    }
    return std::nullopt;
}

/// Runs one look at the events. \return whether it found nothing
bool look(std::vector<std::string>& mistakes, const auto& at_it) {
    try {
        at_it();
        return true;
    } catch (const DataError& error) {
        add_lines(mistakes, error.what());
    } catch (const ConfigError& error) {
        add_lines(mistakes, error.what());
    }
    return false;
}

/// Samples that the campaign names and the events file does not have, each where it is named.
/// Nobody reads the data of a blind campaign, but they have to be there once it is opened. \return
/// what is there
std::vector<SampleToRead> expect_samples(const Campaign& campaign,
                                         const fs::path& file,
                                         std::vector<std::string>& mistakes) {
    constexpr std::array<std::string_view, 8> said{
        "sample", "up", "down", "data", "simulation", "background", "compare", "pretraining"};
    constexpr std::array<std::string_view, 1> named{"name"};
    const std::vector<std::string> names = sample_names(campaign.events_path());
    std::vector<SampleToRead> wanted = samples_to_read(campaign);
    if (campaign.data.blind && !campaign.data.sample.empty()) {
        wanted.push_back({campaign.data.sample, {}});
    }
    std::vector<SampleToRead> there;
    std::optional<ConfigNode> root;
    for (SampleToRead& sample : wanted) {
        if (sample.name.empty()) continue;  // a mistake of the campaign, told as such
        const bool is_blind =
            campaign.data.blind && &sample == &wanted.back() && sample.name == campaign.data.sample;
        const std::string name = sample.name.substr(0, sample.name.find('@'));  // of the group
        if (std::ranges::find(names, name) != names.end()) {
            if (!is_blind) there.push_back(std::move(sample));
            continue;
        }
        if (!root) root = parse_toml(read_text(file), file.string());
        auto key = find_key(*root, name, said);
        if (!key) key = find_key(*root, name, named);
        mistakes.push_back(fmt::format(
            "{}{} = \"{}\": '{}' has no such sample{}",
            key ? fmt::format("{}:{}:{}: ", file.string(), key->at.line, key->at.column) : "",
            key ? key->key : "sample", name, campaign.events_path().string(),
            did_you_mean(name, names)));
    }
    return there;
}

/// The features that every sample has which can be read; none if no sample lacks one.
std::vector<std::string> features_there(const Campaign& campaign,
                                        const std::vector<SampleToRead>& wanted) {
    std::vector<std::string> features = campaign.events.features;
    std::vector<std::string> told_already;
    for (const SampleToRead& one : wanted) {
        look(told_already, [&] {
            const auto all =
                read_sample_info(campaign.events_path(), std::span(&one, 1), {}, campaign.split);
            std::erase_if(features, [&](const std::string& feature) {
                const auto& names = all.front().column_names;
                return std::ranges::find(names, feature) == names.end();
            });
        });
    }
    return features == campaign.events.features ? std::vector<std::string>{} : features;
}

/// The samples that can be read, whatever is wrong with others.
/// \param campaign is left with those of its features that they have
std::vector<SampleInfo> readable(Campaign& campaign,
                                 const std::vector<SampleToRead>& wanted,
                                 std::vector<std::string>& mistakes) {
    const auto read = [&](const std::vector<SampleToRead>& some) {
        return read_sample_info(campaign.events_path(), some, campaign.events.features,
                                campaign.split);
    };
    std::vector<SampleInfo> samples;
    if (look(mistakes, [&] { samples = read(wanted); })) return samples;
    if (auto features = features_there(campaign, wanted); !features.empty()) {
        campaign.events.features = std::move(features);
    }
    std::vector<std::string> told_already;
    for (const SampleToRead& one : wanted) {
        look(told_already, [&] { samples.push_back(std::move(read({one}).front())); });
    }
    return samples;
}

/// What is wrong with the events, as far as the campaign says which events it means.
std::vector<SampleInfo> check_events(const Campaign& campaign,
                                     const fs::path& file,
                                     std::vector<std::string>& mistakes,
                                     std::vector<std::string>& warnings) {
    const bool sees_nothing = campaign.events.features.empty() && !reads_lists(campaign.network);
    if (!campaign.has_events() || sees_nothing) return {};
    if (!fs::exists(campaign.events_path())) {
        mistakes.push_back(
            fmt::format("{}: no such file{}", campaign.events_path().string(),
                        campaign.simulate
                            ? fmt::format("; write it with 'ratiofarm simulate {}'", file.string())
                            : " (events.file of the campaign)"));
        return {};
    }
    // As it is, compressed or not: what trains makes a copy if it needs one.
    std::vector<SampleInfo> samples;
    Campaign seen = campaign;
    look(mistakes,
         [&] { samples = readable(seen, expect_samples(campaign, file, mistakes), mistakes); });
    const std::vector<std::string> unknown = unknown_observables(campaign, samples);
    mistakes.insert(mistakes.end(), unknown.begin(), unknown.end());
    look(mistakes, [&] { expect_unit_weights(campaign, samples); });
    if (campaign.unfolding) {
        look(mistakes,
             [&] { add_outlook(unfolding_outlook(campaign, samples), mistakes, warnings); });
        return samples;
    }
    if (!mistakes.empty()) {  // then there is no graph, but what it would say at least is known
        if (!needs_selection(campaign)) {
            std::ranges::move(certain_mistakes(seen, samples), std::back_inserter(mistakes));
        }
        return samples;
    }
    look(mistakes, [&] {
        std::ranges::move(data_beyond_reference(campaign, samples), std::back_inserter(warnings));
    });
    look(mistakes, [&] {
        make_model(campaign, samples);
        if (training_problem(campaign)) return;
        const TaskGraph nets = make_task_graph(campaign, samples, "cpu");
        if (campaign.preselection) {
            const TaskGraph graph = make_preselection_graph({campaign, samples, "cpu"});
            add_outlook(training_outlook(campaign, graph, samples), mistakes, warnings);
        } else if (!needs_selection(campaign)) {  // otherwise the regions say what nets learn from
            add_outlook(training_outlook(campaign, nets, samples), mistakes, warnings);
        }
    });
    return samples;
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
    std::size_t width = 6;
    for (const SampleInfo& sample : samples) width = std::max(width, sample.name.size());
    if (!samples.empty()) {
        show(fmt::format("  {:<{}} {:>10} {:>10} {:>10}   {}\n", "sample", width, "events",
                         "to train", "to infer", "sum of weights"));
    }
    for (const SampleInfo& sample : samples) {
        const auto [to_train, to_infer] = use_of(sample, campaign);
        show(fmt::format("  {:<{}} {:>10} {:>10} {:>10}   {:g}\n", sample.name, width,
                         sample.columns.events, to_train, to_infer, sample.sum_of_weights));
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
