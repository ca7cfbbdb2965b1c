#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/net_quality.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {

/// Validation events of one sample with the ratio that they are given.
struct ScoredRatioEvents {
    std::uint64_t features = 0;         ///< of an event, those of its lists among them, d
    std::vector<float> rows = {};       ///< [n, d + 2] with the weights in the numerator and in
                                        ///< both classes, as ScoredTable has them
    std::vector<float> log_ratio = {};  ///< [n]

    /// Adds weights, scaled so that they sum to what the events are of each class.
    /// \param weight  [n], of a positive sum
    void add(std::span<const double> weight, double numerator, double denominator);
};

/// Without weights yet.
/// \param rows  of the sample, n
/// \param features  columns of the sample
/// \param network   whose ratio it is: the closure of one that reads lists looks at them, too
/// \param log_ratio  [n]
/// \throws DataError if its file is gone or shorter than it was
ScoredRatioEvents ratio_events(const SampleInfo& sample,
                               std::span<const std::uint64_t> rows,
                               std::span<const std::uint32_t> features,
                               const Network& network,
                               std::vector<float> log_ratio);

/// How good a ratio is, by what measures single nets: NetQuality without overtraining. \pre events
/// of all samples have as many features
NetQuality quality_of_ratio(std::span<const ScoredRatioEvents> events);

}  // namespace ratiofarm
