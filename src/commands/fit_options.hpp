#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/fit_request.hpp"

#include "command.hpp"

namespace ratiofarm {

/// Options --starts and --minos, and how the likelihood is evaluated.
std::vector<Option> fit_request_options();

/// \throws ConfigError for a number out of range
FitRequest fit_request(const Arguments& arguments);

/// "mu, alpha" or "mu,alpha": the names in it. \throws ConfigError for an empty one
std::vector<std::string> names_in_list(const Arguments& arguments, std::string_view option);

}  // namespace ratiofarm
