#include "check_events.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/file/config_node.hpp"
#include "campaign/make_model.hpp"
#include "campaign/reference_range.hpp"
#include "campaign/sample_weights.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"
#include "campaign/training_planner.hpp"
#include "core/publish.hpp"
#include "core/suggest.hpp"

#include "campaign_samples.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

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

/// Of events without a mistake, and of what nets would learn from them.
void check_model(const Campaign& campaign,
                 const std::vector<SampleInfo>& samples,
                 std::vector<std::string>& mistakes,
                 std::vector<std::string>& warnings) {
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
}

/// \return whether there is a file, if the campaign wants events
bool expect_file(const Campaign& campaign,
                 const fs::path& file,
                 std::vector<std::string>& mistakes) {
    if (fs::exists(campaign.events_path())) return true;
    mistakes.push_back(fmt::format(
        "{}: no such file{}", campaign.events_path().string(),
        campaign.simulate ? fmt::format("; write it with 'ratiofarm simulate {}'", file.string())
                          : " (events.file of the campaign)"));
    return false;
}

}  // namespace

void add_lines(std::vector<std::string>& lines, const std::string& text) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

std::optional<std::string> training_problem(const Campaign& campaign) {
    try {
        expect_trainable(campaign);
        return std::nullopt;
    } catch (const ConfigError& problem) {
        return problem.what();
    }
}

std::vector<SampleInfo> check_events(const Campaign& campaign,
                                     const fs::path& file,
                                     std::vector<std::string>& mistakes,
                                     std::vector<std::string>& warnings) {
    const bool sees_nothing = campaign.events.features.empty() && !reads_lists(campaign.network);
    if (!campaign.has_events() || sees_nothing) return {};
    if (!expect_file(campaign, file, mistakes)) return {};
    // As it is, compressed or not: what trains makes a copy if it needs one.
    std::vector<SampleInfo> samples;
    Campaign seen = campaign;
    look(mistakes,
         [&] { samples = readable(seen, expect_samples(campaign, file, mistakes), mistakes); });
    const std::vector<std::string> unknown = unknown_observables(campaign, samples);
    mistakes.insert(mistakes.end(), unknown.begin(), unknown.end());
    std::ranges::move(unknown_labels(campaign, samples), std::back_inserter(mistakes));
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
    check_model(campaign, samples, mistakes, warnings);
    return samples;
}

}  // namespace ratiofarm
