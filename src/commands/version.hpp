#pragma once

#include <string>

namespace ratiofarm {

/// What `ratiofarm --version` prints: version and commit, and the libraries of both programs.
std::string version_text();

}  // namespace ratiofarm
