#include "campaign_keys.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

#include "campaign/campaign.hpp"
#include "campaign/study_section.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {

namespace {

std::string whole_text(const WholeLimits& limits, std::string_view name) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();  // of TOML
    const std::string text(name);
    if (limits.high == largest) return text + " >= " + std::to_string(limits.low);
    return text + " from " + std::to_string(limits.low) + " to " + std::to_string(limits.high);
}

template <class T>
std::string key_type_text(const Key& key) {
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, std::string>) return key.is_name ? "name" : "text";
    if constexpr (std::is_same_v<T, std::vector<std::string>>) return "texts";
    if constexpr (std::is_integral_v<T>) return whole_text(key.whole, "whole number");
    if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
        return whole_text(key.whole, "whole numbers");
    }
    if constexpr (std::is_same_v<T, double> || std::is_same_v<T, std::optional<double>>) {
        NumberLimits limits = key.number;
        limits.hint = {};
        return limits.text().substr(2);  // without "a "
    }
    if constexpr (std::is_enum_v<T>) {
        const std::vector<std::string> words = words_of<T>();
        std::string text;
        for (std::size_t i = 0; i < words.size(); ++i) {
            const bool last = i + 1 == words.size();
            text += (i == 0 ? "" : last ? " or " : ", ") + toml_text(words[i]);
        }
        return text + ";";
    }
    return {};
}

/// "whole number from 1 to 1000, 4".
template <class T>
std::string key_values_text(const Key& key, const T& fallback) {
    if constexpr (TomlValue<T>) {
        std::string text = key_type_text<T>(key);
        if (text.empty() || key.by_hand) return {};
        text += text.ends_with(';') ? " " : ", ";
        if (!key.required.empty()) return text + "required";
        if (!key.otherwise.empty()) return text + std::string(key.otherwise);
        TomlWriter writer;
        writer.key("", fallback);
        text += writer.text().substr(3);  // without " = "
        text.pop_back();                  // the end of the line
        return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
    }
    return {};
}

/// The keys of a table that a struct describes: those that it has by default, then those that it
/// has in another state.
template <class T>
CampaignKeys described(std::string section, const T& complete = {}) {
    CampaignKeys all{std::move(section), {}, {}};
    const auto add = [&](std::string_view name, const auto& member, const Key& key) {
        if (!key.in_campaign || std::ranges::count(all.keys, name) > 0) return;
        all.keys.emplace_back(name);
        all.values.push_back(key_values_text(key, member));
    };
    const T fallback{};
    for_each_field(fallback, add);
    for_each_field(complete, add);
    return all;
}

/// The tables that the file itself has: the first names of all sections.
CampaignKeys file_keys(const std::vector<CampaignKeys>& sections) {
    CampaignKeys file;
    for (const CampaignKeys& section : sections) {
        const std::string name = section.section.substr(0, section.section.find_first_of(". "));
        if (std::ranges::count(file.keys, name) == 0) file.keys.push_back(name);
    }
    return file;
}

std::vector<std::string> parameter_keys() {
    std::vector<std::string> keys = words_of<SearchKind>();
    keys.emplace_back("when");
    return keys;
}

std::vector<CampaignKeys> sections() {
    return {
        described<Campaign>("campaign"),
        described<EventsSection>("events"),
        described<Split>("split"),
        {"parameters.NAME",
         {"start", "range", "fixed", "constraint", "observed", "width", "group"}},
        described<ProcessSection>("process"),
        {"morphing", {"amplitude", "terms", "anchors"}},
        {"systematic",
         {"name", "parameter", "shape", "yield", "shape_code", "yield_code", "start", "range",
          "fixed", "constraint", "observed", "width", "group"}},
        {"systematic.shape", {"up", "down", "up_weight", "down_weight"}},
        {"systematic.yield", {"up", "down"}},
        described<SystematicsSection>("systematics"),
        {"region (unbinned)", {"name", "type", "ratios", "yield", "shape_norm", "where"}},
        {"region (binned)",
         {"name", "type", "observed", "edges", "observable", "where", "mc_stat", "sample"}},
        {"region.sample", {"name", "contents", "coefficient", "yields", "shapes", "factors"}},
        {"region.sample.yields", {"parameter", "up", "down", "code"}},
        {"region.sample.shapes", {"parameter", "up", "down", "code"}},
        {"labels", {"parameters", "regions", "samples", "features"}},
        {"reference", {"mixture", "max_ratio"}},
        {"reference.mixture.NAME", {"cap"}},
        {"preselection",
         {"classes", "signal", "weights", "features", "members", "network", "training"}},
        described<Network>("network", {.kind = NetworkKind::transformer, .hidden = {}}),
        described<TrainingOptions>("training"),
        described<EnsembleSection>("ensemble"),
        described<GatesSection>("gates"),
        {"data", {"asimov", "sample", "observed", "outside", "blind", "injections"}},
        {"data.asimov", {"source"}},
        {"data.injections", {"sample", "name"}},
        described<InferenceSection>("inference"),
        described<FiniteMcSection>("finite_mc"),
        described<SearchSection>("search"),
        {"search.parameters.KEY", parameter_keys()},
        described<UnfoldingSection>("unfolding"),
        {"unfolding.observable", {"column", "reco", "edges"}},
        {"unfolding.variation.NAME", {"weight", "simulation"}},
        {"simulate", {"model", "events", "seed", "interference", "S", "B", "systematic", "tilts"}},
        {"simulate.systematic", {"name", "S", "B"}},
        {"simulate.systematic.S", {"shift", "up", "down"}},
        {"simulate.systematic.B", {"shift", "up", "down"}},
        described<TiltsSection>("simulate.tilts"),
        {"simulate.S", {"yield", "mean", "covariance"}},
        {"simulate.B", {"yield", "mean", "covariance"}},
    };
}

}  // namespace

std::span<const CampaignKeys> campaign_keys() {
    static const std::vector<CampaignKeys> all = [] {
        std::vector<CampaignKeys> keys = sections();
        keys.push_back(file_keys(keys));
        return keys;
    }();
    return all;
}

std::span<const CampaignKeys> study_keys() {
    static const std::vector<CampaignKeys> all{
        described<StudySection>("study"),
        {std::string(study_file), {"study", "search"}},
    };
    return all;
}

std::span<const std::string> campaign_keys(std::string_view section) {
    for (const auto all : {campaign_keys(), study_keys()}) {
        const auto found = std::ranges::find(all, section, &CampaignKeys::section);
        if (found != all.end()) return found->keys;
    }
    RATIOFARM_EXPECT(false);
    return {};
}

}  // namespace ratiofarm
