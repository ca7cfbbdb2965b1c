#pragma once

#include <span>

#include "results/unfold_json.hpp"
#include "tables/unfolded_file.hpp"

#include "unfolded_sample.hpp"

namespace ratiofarm {

/// The events that are published with the weights of all chains whose events they are; its weights
/// read the chains when they are asked for.
UnfoldedTable unfolded_weights(const Campaign& campaign,
                               UnfoldedSamples& samples,
                               std::span<const ChainGroup> groups,
                               const UnfoldRecord& record);

}  // namespace ratiofarm
