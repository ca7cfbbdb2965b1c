#pragma once

#include <string>

#include "html.hpp"
#include "report_inputs.hpp"

namespace ratiofarm {

/// The table of toys, part of the section of inference. Its figures: one point has its
/// distributions; of a grid those at both ends, or all of them, and the belt.
/// \pre toys has points
std::string toys_part(const ToyResults& toys, bool all, Figures& figures);

}  // namespace ratiofarm
