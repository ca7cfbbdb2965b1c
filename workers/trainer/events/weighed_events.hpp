#pragma once

#include <span>
#include <vector>

#include "mapped_sample.hpp"
#include "training_events.hpp"

namespace ratiofarm::trainer {

/// The events of a sample with weights that were computed.
struct WeighedSample {
    const MappedSample& sample;
    Split split;
    std::vector<double> numerator;    ///< [events], or empty: of no event
    std::vector<double> denominator;  ///< likewise
    /// [events] 1: in the table, whatever it weighs. Empty: those with a weight in either class.
    std::vector<std::uint8_t> listed = {};
};

/// Like load_training_events(), of the events that are listed or have a weight; the others are not
/// read. One draw, that of all nets. \param request  whose network, features and options they are
/// \throws DataError as load_training_events()
TrainingEvents weighed_events(std::span<const WeighedSample> samples, const TrainRequest& request);

}  // namespace ratiofarm::trainer
