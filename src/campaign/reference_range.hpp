#pragma once

#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// Features in which events of a sample lie beyond all events of the reference, where nets only
/// extrapolate. One line for each side.
struct BeyondReference {
    std::vector<std::string> many;  ///< more than 1 % of the events on one side
    /// Fewer, but further out than the tail of the simulation explains: less than 1e-3 expected of
    /// the events of the sample.
    std::vector<std::string> some;
};

/// \param samples read with the features of the campaign; those that are missing are left out
BeyondReference beyond_reference(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 const SampleInfo& sample);

/// The data that a campaign fits, if they are open and among the samples, and no region selects
/// them. \return warnings \throws DataError naming the features of more than 1 % of the events
std::vector<std::string> data_beyond_reference(const Campaign& campaign,
                                               const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
