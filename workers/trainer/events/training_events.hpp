#pragma once

#include <cstdint>
#include <vector>

#include "protocol/trainer_protocol.hpp"

#include "feature_scaling.hpp"

namespace ratiofarm::trainer {

/// The events of one part, training or validation, in memory. An event is one row however many
/// components it is in: of several classes, or of one with several weights.
struct TrainingRows {
    std::uint64_t rows = 0;
    std::uint64_t inputs = 0;     ///< numbers of an event, event_size()
    std::vector<float> features;  ///< [rows, inputs] in input order, not scaled
    std::vector<float> weights;   ///< [draws, rows, columns]: of class 1, then of both classes;
                                  ///< of a classifier: of each class
    std::uint64_t columns = 2;    ///< of the weights
    std::vector<float> list_values = {};  ///< [rows, list_columns] quantities of the particle lists
                                          ///< that a ratio reads, for its closure; of validation
    std::uint64_t list_columns = 0;
};

/// All that the nets of one task read: a compact copy of the columns in use, without the events
/// for inference. This copy must fit into the memory of the host.
///
/// Weights: within a part the events of each component are scaled to sum to its fraction, so that
/// all classes have the same total and the logit of a net is log p_numerator / p_denominator; one
/// more factor makes the mean over the rows of the weight in all classes 1, so that the learning
/// rate means the same for every sample. Signed weights are kept. In the draw of a bootstrap
/// replica each event first counts bootstrap_count() times; a net of replica 0 has them as they
/// are. Of a net that learns from a half the training events of the other one are left out.
struct TrainingEvents {
    TrainingRows training;
    TrainingRows validation;
    std::vector<std::uint32_t> draw_of_net;  ///< [nets], those of one replica share their draw
    FeatureScaling scaling;                  ///< by the training events, replicas left aside
    std::uint64_t negative_weights = 0;      ///< rows of either part with a weight < 0
};

/// Reads training and validation events of the nets' fold; the others are not looked at.
/// \throws DataError naming file, sample and row: a missing file, a column that does not exist, a
///         value that is not finite, a feature that is constant, a component without events or
///         without positive total weight, a negative weight if they are refused
TrainingEvents load_training_events(const TrainRequest& request);

}  // namespace ratiofarm::trainer
