#pragma once

#include <optional>
#include <string>
#include <vector>

#include "campaign/preselection_section.hpp"

#include "table_reader.hpp"

namespace ratiofarm {

/// A limit of a cut or of a bin: a number, or plus or minus infinity. Adds a mistake otherwise.
std::optional<double> read_limit(const ConfigNode& node,
                                 const std::string& path,
                                 Mistakes& mistakes);

/// The key `where` of a region: { mass = [700, inf], score = [-1.0, 4.5] }.
std::vector<Cut> read_cuts(const TableReader& table);

/// The cuts as TOML: what `where` says.
std::string cuts_text(const std::vector<Cut>& cuts);

}  // namespace ratiofarm
