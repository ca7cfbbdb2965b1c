#pragma once

#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "store/run_directory.hpp"

/// Which results a report was made of. A page that lies in a folder cannot know what was computed
/// after it; who computes, or looks at the folder, can tell.
namespace ratiofarm {

/// The results of a run directory and their digests, "fit.json <hexadecimal> gof.json ...".
std::string shown_results(const RunDirectory& directory);

/// Names of results that the report of a run directory does not show: made or changed after it.
/// None where there is no report, or one of a version that does not say what it shows.
std::vector<std::string> newer_than_report(const RunDirectory& directory);

/// "report.html is older than fit.json and toys.json: ...", or nothing.
std::string old_report_text(const std::vector<std::string>& newer);

/// Logs old_report_text(), for commands that changed a result.
void tell_old_report(const RunDirectory& directory, const Log& log);

}  // namespace ratiofarm
