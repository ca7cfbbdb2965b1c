#pragma once

#include <cstddef>
#include <vector>

#include "ratiofarm/protocol/shape_judgement.hpp"

#include "h5/file.hpp"

namespace ratiofarm {

/// Attributes of the root, one number per shape; none where nothing was judged. For one rank.
void write_judgements(const h5::File& file, const std::vector<ShapeJudgement>& judgements);

/// \throws DataError naming the attribute that has another number of entries
std::vector<ShapeJudgement> read_judgements(const h5::File& file, std::size_t shapes);

}  // namespace ratiofarm
