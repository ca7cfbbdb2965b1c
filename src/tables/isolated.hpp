#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ratiofarm {

/// Runs a check in a copy of this process and gives back its lines. A check that kills its process
/// (damaged metadata can make the HDF5 library crash) becomes a line, too.
/// \param check does not throw
/// \throws SystemError if there can be no other process
std::vector<std::string> lines_of_isolated(const std::function<std::vector<std::string>()>& check);

}  // namespace ratiofarm
