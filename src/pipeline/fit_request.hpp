#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// What a command asks of the fit beyond the campaign.
struct FitRequest {
    std::optional<unsigned> starts = {};      ///< FitOptions::starts; none: any fit will do
    std::vector<std::string> intervals = {};  ///< parameters with error_low and error_high
    bool all_intervals = false;               ///< of all parameters
    bool keep_null_shapes = false;            ///< whatever the campaign says of them
    bool on_device = false;             ///< sums over events by the trainer on the rank's device
    LikelihoodOptions likelihood = {};  ///< but threads and device, which are those of the rank
};

}  // namespace ratiofarm
