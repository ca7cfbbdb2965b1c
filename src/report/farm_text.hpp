#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "store/farm_times.hpp"

namespace ratiofarm {

/// Lines for `status`: time and busy share; in full also over time and of each worker, and the
/// tail. \param owner what the farm worked on, such as "shard-0-of-4"; empty: everything
std::string farm_text(const FarmTimes& farm, const std::string& owner, bool in_full);

/// Busy share and tail in one line, without the workers: "41.2 % busy |▄▄▄▄|, tail of 0.5 s ...".
std::string farm_sentence(const FarmTimes& farm);

/// The numbers of farm_text() as JSON.
nlohmann::ordered_json farm_json(const FarmTimes& farm, const std::string& owner);

}  // namespace ratiofarm
