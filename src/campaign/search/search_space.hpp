#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "campaign/campaign.hpp"
#include "campaign/file/config_node.hpp"

/// What a search tries: pure functions of the campaign.
namespace ratiofarm {

/// The value of a setting, null if it does not use the key.
const std::string* value_of(const SearchSetting& setting, const std::string& key);

/// The setting at a point of the unit cube. Numbers are rounded to four digits, within their range.
/// \param u  [parameters] in [0, 1)
SearchSetting setting_at(const SearchSection& search, const std::vector<double>& u);

/// Where a value of a parameter lies in [0, 1): of whole numbers and choices, the middle of what
/// setting_at() maps to it.
double unit_of(const SearchParameter& parameter, const std::string& value);

/// A point that somebody else proposed, with its values as they are.
/// \throws ConfigError naming the key that is missing, unknown or outside the space
SearchSetting setting_of_point(const SearchSection& search, const ConfigNode& point);

/// The points of a JSON text, an array of objects.
/// \throws ConfigError naming the first that is not a point of the space
std::vector<SearchSetting> parse_points(const SearchSection& search, const std::string& text);
std::vector<SearchSetting> settings_of_json(const SearchSection& search,
                                            const nlohmann::ordered_json& points);

/// What another program wrote. \throws ConfigError if it is not JSON, or nested very deeply
nlohmann::ordered_json parse_foreign_json(std::string_view text);

/// A setting as an object of JSON.
nlohmann::ordered_json point_json(const SearchSetting& setting);

/// The space in the words of Nevergrad, as in iDDS.
nlohmann::ordered_json space_json(const SearchSection& search);

/// Random setting of one trial: each value is a pure function of campaign seed, number of the trial
/// and name of the key, so that more trials or further keys change no value that was drawn before.
/// Numbers are rounded to four digits, within their range.
SearchSetting draw_setting(const SearchSection& search, std::uint64_t seed, std::uint32_t trial);

/// "training.learning_rate = 0.00123, network.hidden = [64, 64]"
std::string setting_text(const SearchSetting& setting);

/// The campaign with some keys of [network] and [training] set, and without [search]. Keys of the
/// campaign that such a setting does not use (schedule_factor of a schedule that is
/// not searched, weight_decay of another optimizer) are left at their defaults.
/// \throws ConfigError for values that the keys do not allow, or not together
Campaign with_setting(Campaign campaign, const SearchSetting& setting);

/// Epochs after which the rungs of a search end: round(epochs / reduction^k) for all k that leave
/// first_rung or more, ascending; the last is `epochs`.
std::vector<std::uint32_t> rung_epochs(const SearchSection& search, std::uint32_t epochs);

/// Names of the processes whose nets a trial trains. \pre campaign.search
std::vector<std::string> searched_processes(const Campaign& campaign);

/// [search] of a resolved campaign.
std::string search_toml(const SearchSection& search);

}  // namespace ratiofarm
