#pragma once

#include <string>

#include "results/fit_json.hpp"

namespace ratiofarm {

/// The scanned test statistic as two columns, one further column per comparison fit that holds the
/// same points. Empty without a scan.
std::string scan_text(const FitRecord& record);

/// Upper limits with their bands, and the test of the absence of a signal.
std::string limits_text(const FitRecord& record);
/// "observed in: events of sample data", or what stands in place of data.
std::string observation_text(const FitRecord& record);

/// The test of no signal in one line. \pre the record has limits
std::string discovery_text(const FitRecord& record);

}  // namespace ratiofarm
