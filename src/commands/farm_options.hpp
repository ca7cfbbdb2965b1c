#pragma once

#include <vector>

#include "pipeline/farm_settings.hpp"

#include "command.hpp"

namespace ratiofarm {

/// --time-budget, for commands with tasks of their own; farm_settings() reads it.
Option time_budget_option();

/// Options of commands that train or evaluate nets.
std::vector<Option> farm_options();

/// The settings given by those options and the batch system.
/// \throws ConfigError naming an option and its value
FarmSettings farm_settings(const RunContext& context, const Arguments& arguments);

}  // namespace ratiofarm
