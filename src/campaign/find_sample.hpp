#pragma once

#include <string_view>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {

/// Null where there is none of this name.
const SampleInfo* sample_if_there(const std::vector<SampleInfo>& samples, std::string_view name);

/// \throws DataError naming the samples there are
const SampleInfo& find_sample(const std::vector<SampleInfo>& samples, std::string_view name);

/// \throws DataError naming the weights the sample was read with
const SampleWeights& find_weights(const SampleInfo& sample, std::string_view name);

}  // namespace ratiofarm
