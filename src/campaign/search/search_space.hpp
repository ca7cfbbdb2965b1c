#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "campaign/campaign.hpp"

/// What a search tries: pure functions of the campaign.
namespace ratiofarm {

/// Values of the searched keys as TOML text: {"training.learning_rate", "0.00123"}, in the order
/// of SearchSection::parameters.
using SearchSetting = std::vector<std::pair<std::string, std::string>>;

/// Setting of one trial: each value is a pure function of campaign seed, number of the trial and
/// name of the key, so that more trials or further keys change no value that was drawn before.
/// Numbers are rounded to four digits, within their range.
/// \pre campaign.search
SearchSetting draw_setting(const Campaign& campaign, std::uint32_t trial);

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
