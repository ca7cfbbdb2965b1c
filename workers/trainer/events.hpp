#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/core/trainer_protocol.hpp"

namespace ratiofarm {

/// A dense table of events in memory, ready to be put on a device.
struct EventTable {
    std::uint64_t events = 0;
    std::uint64_t columns = 0;
    std::vector<float> values;  ///< [events, columns]
};

/// All that one training reads. Columns of both tables: the scaled features in input order, then
/// the label (1 numerator, 0 denominator), then the weight.
///
/// Weights: within a part (training or validation) the events of each component are scaled to sum
/// to its fraction, so that both classes have the same total and the logit of the net is
/// log p_numerator / p_denominator; one more factor makes the mean weight of the part 1, so that
/// the learning rate means the same for every sample. Signed weights are kept.
struct TrainingEvents {
    EventTable training;
    EventTable validation;
    /// The net sees (x - shift) * scale: mean 0 and standard deviation 1 over the training events,
    /// each with the absolute value of its weight, components by fraction, both classes alike.
    /// A feature that does not vary gets scale 1.
    std::vector<float> feature_shift;
    std::vector<float> feature_scale;
    std::uint64_t negative_weights = 0;  ///< training and validation events with weight < 0
};

/// Reads training and validation events; the others are not looked at.
/// \throws DataError naming file, sample and row: a missing file, a column that does not exist, a
///         value that is not finite, a component without events or without positive total weight
TrainingEvents load_training_events(const TrainRequest& request);

/// The raw features [events, features] of the inference-split events of the range, in file order.
/// \throws DataError naming file, sample and row
EventTable load_inference_events(const InferRequest& request);

}  // namespace ratiofarm
