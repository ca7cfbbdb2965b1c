#pragma once

#include <string>

#include "plotter.hpp"
#include "report_inputs.hpp"

namespace ratiofarm {

/// One self-contained HTML page: no scripts, no outside resources. A plot that cannot be drawn is
/// replaced by a line that says why; the tables are always shown.
std::string report_html(const ReportInputs& inputs, const Plotter& plotter);

/// Likewise, of a study whose trials other programs train.
std::string study_html(const std::string& name, const SearchRecord& record, const Plotter& plotter);

}  // namespace ratiofarm
