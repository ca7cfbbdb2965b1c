#pragma once

#include <filesystem>
#include <vector>

#include "command.hpp"

namespace ratiofarm {

/// Options of `ratiofarm import` for tables of events.
std::vector<Option> events_options();

/// Whether a file is a table of events by its ending: ROOT, CSV, Parquet, npz.
bool is_events_table(const std::filesystem::path& file);

/// Writes an events file from tables, by scripts/import_events.py under a Python that reads them.
/// \throws ConfigError if the file exists already, or the Python or the script does not
ExitCode import_events(const Arguments& arguments);

}  // namespace ratiofarm
