#pragma once

#include <string>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "h5/file.hpp"
#include "tables/table_file.hpp"

namespace ratiofarm {

inline constexpr TableKind ensemble_kind{ensemble_format, ensemble_version, 3};

/// Names, shapes and offsets of the blocks of a row as JSON text, for readers in other languages.
std::string layout_json(const Network& network);

/// Attributes of the root, of /network and of /training. For one rank.
void write_ensemble_header(const h5::File& file, const EnsembleHeader& header);

/// \throws DataError naming what is missing or unknown
EnsembleHeader read_ensemble_header(const h5::File& file);

}  // namespace ratiofarm
