#pragma once

#include <cstddef>
#include <vector>

#include "ratiofarm/protocol/shape_significance.hpp"

#include "h5/file.hpp"

namespace ratiofarm {

/// Attributes of the root, one number per shape; none where nothing was tested. For one rank.
void write_significances(const h5::File& file, const std::vector<ShapeSignificance>& significances);

/// \throws DataError naming the attribute that has another number of entries
std::vector<ShapeSignificance> read_significances(const h5::File& file, std::size_t shapes);

}  // namespace ratiofarm
