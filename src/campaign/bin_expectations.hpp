#pragma once

#include <string>
#include <vector>

#include "campaign.hpp"

namespace ratiofarm {

/// What is wrong with the numbers of events that given contents of binned regions expect.
struct BinExpectations {
    std::vector<std::string> mistakes;  ///< bins that are <= 0 wherever the parameters stand
    std::vector<std::string> warnings;  ///< bins that are <= 0 somewhere a fit goes
};

/// Looks at every bin with given contents: at the start values, at both ends of the range of the
/// parameter of interest and at 0, and at +-1 of every shape effect. Names region, bin, samples and
/// cure.
BinExpectations bin_expectations(const Campaign& campaign);

}  // namespace ratiofarm
