#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "agreement.hpp"
#include "binning.hpp"
#include "inference_events.hpp"

namespace ratiofarm {

/// One bin of the score s = r_j / (1 + r_j): the probability that an event is of sample j rather
/// than of the reference, both with the same total weight.
struct CalibrationBin {
    double predicted = 0.0;  ///< mean score
    double observed = 0.0;   ///< fraction of sample j
    double error = 0.0;      ///< of observed - predicted, shared events accounted for
    double content = 0.0;    ///< fraction of all events (both classes, equal total weights)
};

struct Calibration {
    Binning binning;  ///< of the score
    std::vector<CalibrationBin> bins;
    /// Of observed - predicted, as a deviation of r. The bins are independent to good accuracy.
    Agreement agreement = {};
};

/// Bins of about equal content in the score, joined where sample j has few events. The feature of
/// the events is not used.
/// \param bins at most
/// \param target index of the sample of process j
Calibration calibration(std::span<const SampleEvents> samples,
                        std::size_t target,
                        std::size_t bins);

/// s = r / (1 + r) without overflow.
double score_of(double log_ratio) noexcept;

}  // namespace ratiofarm
