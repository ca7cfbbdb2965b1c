#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

namespace ratiofarm::trainer {

/// A net sees (x - shift) * scale. Both [scaled_inputs()].
struct FeatureScaling {
    std::vector<float> shift;
    std::vector<float> scale;
    bool operator==(const FeatureScaling&) const = default;
};

/// Values that a scaling is made for.
struct FeatureTable {
    std::span<const float> values;            ///< [rows, inputs]
    std::span<const double> weights;          ///< [rows], >= 0; of mean and deviation
    std::span<const std::uint32_t> features;  ///< [inputs] column numbers, for messages
};

/// Scaling::standard: mean 0 and standard deviation 1. Scaling::min_max: all values between -1 and
/// 1, whatever their weight. Scaling::quantile: the weighted median is 0 and half the distance of
/// the quantiles of a normal distribution at -1 and +1 is 1, unless these agree: then the standard
/// deviation is. Scaling::none: shift 0, scale 1.
/// \throws DataError naming the column and its value if a feature does not vary, that is by less
///         than its rounding to float
FeatureScaling feature_scaling(const FeatureTable& table, Scaling scaling);

/// What a scaling of the events of a network is made for.
struct EventTable {
    std::span<const float> values;            ///< [rows, event_size()]
    std::span<const double> weights;          ///< [rows], >= 0
    std::span<const std::uint32_t> features;  ///< column numbers, for messages
    const Network& network;
};

/// feature_scaling() of the features, and likewise of the products of network.gram, but one that
/// does not vary has shift 0 and scale 1. Of a network that reads particles then the multiplicity,
/// in units of its median N0; the columns of a particle, scaled likewise over all real particles,
/// those of types and those that do not vary with scale 1; and the momentum, in units of the power
/// of 2 next to the mean energy, so that no bit of it is lost.
/// \throws DataError also if no event has two particles for network.gram
FeatureScaling event_scaling(const EventTable& table, Scaling scaling);

}  // namespace ratiofarm::trainer
