#include "made_from.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "campaign/file/config_node.hpp"

namespace ratiofarm {
namespace {

/// Which product a key decides by itself.
enum class Decides : std::uint8_t {
    nothing,
    ratios,    ///< and so the fit, whose ratios are named by their digest
    fit,       ///< applied to ratios that stay as they are
    both,      ///< a fit looks at it, too
    presence,  ///< of the ratios: a number that the fit takes from the campaign, if it is there
};

struct KeyRow {
    std::string_view begin;
    std::string_view part;  ///< somewhere behind `begin`
    Decides decides = Decides::both;
};

/// The first row that fits a key counts. One that no row names decides both.
constexpr std::array key_rows{
    KeyRow{"labels.", "", Decides::nothing},
    KeyRow{"simulate.", "", Decides::nothing},
    KeyRow{"training.checkpoint_seconds", "", Decides::nothing},
    KeyRow{"split.", "", Decides::ratios},
    KeyRow{"reference.", "", Decides::ratios},
    KeyRow{"network.", "", Decides::ratios},
    KeyRow{"training.", "", Decides::ratios},
    KeyRow{"ensemble.", "", Decides::ratios},
    KeyRow{"gates.", "", Decides::ratios},
    KeyRow{"systematics.null_shapes", "", Decides::fit},
    KeyRow{"systematics.", "", Decides::ratios},
    KeyRow{"campaign.name", "", Decides::fit},
    KeyRow{"parameters.", "", Decides::fit},
    KeyRow{"process.", ".coefficient", Decides::fit},
    KeyRow{"process.", ".yield", Decides::presence},
    KeyRow{"systematic.", ".yield.", Decides::presence},
    KeyRow{"systematic.", ".shape_code", Decides::fit},
    KeyRow{"systematic.", ".yield_code", Decides::fit},
    KeyRow{"region.", "", Decides::fit},
    KeyRow{"data.sample", "", Decides::both},
    KeyRow{"data.injections.", ".sample", Decides::both},
    KeyRow{"data.", "", Decides::fit},
    KeyRow{"inference.shape_norm", "", Decides::both},
    KeyRow{"inference.", "", Decides::fit},
    KeyRow{"finite_mc.", "", Decides::fit},
};

Decides decides(std::string_view key) {
    const auto row = std::ranges::find_if(key_rows, [&](const KeyRow& each) {
        return key.starts_with(each.begin) && key.find(each.part, each.begin.size()) != key.npos;
    });
    return row == key_rows.end() ? Decides::both : row->decides;
}

const std::string* find_value(const MadeFrom& entries, const std::string& key) {
    const auto found = std::ranges::find(entries, key, &MadeFrom::value_type::first);
    return found == entries.end() ? nullptr : &found->second;
}

MadeFrom entries_of(const Campaign& campaign) {
    MadeFrom entries;
    for (ConfigEntry& entry : flatten(parse_toml(campaign_toml(campaign), "resolved campaign"))) {
        entries.emplace_back(std::move(entry.path), std::move(entry.value));
    }
    return entries;
}

/// Without what differs between two copies of one campaign.
Campaign anywhere(const Campaign& plain) {
    Campaign copy = without_folders(plain);
    copy.reference.priors.clear();  // their solution is the mixture
    return copy;
}

MadeFrom result_keys(const Campaign& campaign) {
    MadeFrom keys = entries_of(campaign);
    std::erase_if(keys, [](const auto& entry) { return decides(entry.first) == Decides::nothing; });
    return keys;
}

}  // namespace

Campaign without_folders(Campaign campaign) {
    const auto shorten = [](std::string& file) {
        file = std::filesystem::path(file).filename().string();
    };
    shorten(campaign.events.file);
    for (UnbinnedRegionSection& region : campaign.unbinned) shorten(region.ratios);
    return campaign;
}

MadeFrom ratios_made_from(const Campaign& plain) {
    Campaign made = anywhere(plain);
    made.data.sample = plain.data.fitted_sample();
    for (Injection& injection : made.data.injections) injection.name = injection.sample;
    MadeFrom keys = entries_of(made);
    std::erase_if(keys, [](auto& entry) {
        const Decides what = decides(entry.first);
        if (what == Decides::presence) entry.second = "(declared)";
        return what == Decides::nothing || what == Decides::fit;
    });
    return keys;
}

MadeFrom fit_made_from(const Campaign& plain) {
    MadeFrom keys = entries_of(anywhere(plain));
    std::erase_if(keys, [](const auto& entry) {
        const Decides what = decides(entry.first);
        return what == Decides::nothing || what == Decides::ratios;
    });
    return keys;
}

MadeFrom unfold_made_from(const Campaign& campaign) { return result_keys(anywhere(campaign)); }

Digest campaign_digest(const Campaign& campaign) {
    return Hasher().text(text_of(result_keys(anywhere(campaign)))).finish();
}

std::vector<std::string> differences(const MadeFrom& made, const MadeFrom& now) {
    std::vector<std::string> lines;
    for (const auto& [key, value] : made) {
        const std::string* other = find_value(now, key);
        if (other != nullptr && *other == value) continue;
        const bool is_content =
            key.starts_with("ratios.");  // known by a digest, which says nothing
        lines.push_back(
            is_content && other != nullptr
                ? fmt::format("{}: other ratios, of other nets or events", key)
                : fmt::format("{}: {} -> {}", key, value, other == nullptr ? "(absent)" : *other));
    }
    for (const auto& [key, value] : now) {
        if (find_value(made, key) != nullptr) continue;
        lines.push_back(fmt::format("{}: (absent) -> {}", key, value));
    }
    return lines;
}

std::vector<std::string> campaign_diff(const Campaign& old_campaign, const Campaign& new_campaign) {
    return differences(result_keys(with_absolute_paths(old_campaign)),
                       result_keys(with_absolute_paths(new_campaign)));
}

std::string first_of(const std::vector<std::string>& lines, std::string_view before) {
    constexpr std::size_t most = 12;
    std::string text;
    for (std::size_t i = 0; i < std::min(lines.size(), most); ++i) text.append(before) += lines[i];
    if (lines.size() > most) {
        text.append(before) += "and " + std::to_string(lines.size() - most) + " more";
    }
    return text;
}

std::string text_of(const MadeFrom& made_from) {
    std::string text;
    for (const auto& [key, value] : made_from) text.append(key).append(" = ").append(value) += '\n';
    return text;
}

MadeFrom parse_made_from(std::string_view text) {
    constexpr std::string_view equals = " = ";
    MadeFrom made_from;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto at = line.find(equals);
        if (at == std::string_view::npos) continue;
        made_from.emplace_back(line.substr(0, at), line.substr(at + equals.size()));
    }
    return made_from;
}

}  // namespace ratiofarm
