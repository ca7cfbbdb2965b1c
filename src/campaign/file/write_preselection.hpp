#pragma once

#include <string>

#include "campaign/preselection_section.hpp"

namespace ratiofarm {

/// TOML of [preselection] with the tables of its nets; reads back equal.
std::string preselection_toml(const PreselectionSection& section);

}  // namespace ratiofarm
