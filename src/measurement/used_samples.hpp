#pragma once

#include <string>
#include <vector>

#include "results/fit_json.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// The simulated events that a fit and its reference use, and what should be known before the fit
/// is believed: weights that are worth little, ratios far from normalised.
struct UsedSamples {
    std::vector<UsedSample> samples;
    std::vector<std::string> warnings;
};

/// Reads all weights once. \throws DataError as the ratio files
UsedSamples used_samples(const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFiles& ratios);

}  // namespace ratiofarm
