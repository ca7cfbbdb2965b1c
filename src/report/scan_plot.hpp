#pragma once

#include <string>

#include "results/fit_json.hpp"

#include "plot.hpp"

namespace ratiofarm {

/// t against the parameter of interest, with the comparison fits. The axis ends at t = 12, or
/// higher where t at 0 is in the scan and is at most 40.
Plot scan_plot(const FitRecord& record);

/// What the picture shows, and t where the parameter of interest is 0 if the picture does not show
/// that and it is known: above the axis, or beside the scan, from the test of no signal.
std::string scan_caption(const FitRecord& record);

}  // namespace ratiofarm
