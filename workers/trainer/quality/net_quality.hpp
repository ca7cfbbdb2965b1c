#pragma once

#include <cstddef>
#include <span>

#include "ratiofarm/protocol/net_quality.hpp"

namespace ratiofarm::trainer {

/// Rows of a training table with the logit that a net gives them.
struct ScoredTable {
    std::span<const float> rows;    ///< [n, columns]: features, positive weight, total weight
    std::size_t columns = 0;        ///< features + 2
    std::span<const float> logits;  ///< [n], of the net itself: not calibrated

    std::size_t events() const { return logits.size(); }
    std::size_t features() const { return columns - 2; }
    float feature(std::size_t event, std::size_t index) const {
        return rows[event * columns + index];
    }
    double positive(std::size_t event) const { return rows[event * columns + columns - 2]; }
    double total(std::size_t event) const { return rows[event * columns + columns - 1]; }
};

/// How good a net is; see NetQuality for each number. The scale of the weights does not matter, nor
/// that of the features. The same result on every machine: sums go in table order, in double.
/// \param validation  what everything is measured on, in the order of the table
/// \param training    only for the overtraining distance; all training events or some of them
/// \param calibration applied to all logits first
NetQuality measure_quality(const ScoredTable& validation,
                           const ScoredTable& training,
                           const CalibrationMap& calibration);

/// The same without the overtraining distance, of logits that are calibrated already.
NetQuality measure_quality(const ScoredTable& validation);

/// Parameters as of measure_quality().
ScoreHistograms measure_scores(const ScoredTable& validation,
                               const ScoredTable& training,
                               const CalibrationMap& calibration);

}  // namespace ratiofarm::trainer
