#pragma once

#include <vector>

#include "command.hpp"

namespace ratiofarm {

/// Options of `ratiofarm import` for ROOT files.
std::vector<Option> root_options();

/// Writes an events file from trees, by scripts/import_root.py under a Python that has uproot.
/// \throws ConfigError if the file exists already, or the Python or the script does not
ExitCode import_root(const Arguments& arguments);

}  // namespace ratiofarm
