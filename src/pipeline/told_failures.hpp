#pragma once

#include <string>
#include <vector>

namespace ratiofarm {

/// Failures of tasks, "NAME: REASON", as they are told: a reason once, with the first task that has
/// it and the number of the others; tasks that were not begun since others failed as a number.
std::vector<std::string> told_failures(const std::vector<std::string>& failures);

}  // namespace ratiofarm
