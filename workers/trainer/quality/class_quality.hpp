#pragma once

#include <cstddef>
#include <span>

#include "ratiofarm/protocol/net_quality.hpp"

namespace ratiofarm::trainer {

/// Subtracts ln sum_k exp z_k: logits, or sums of logarithms, become ln probabilities.
void normalise_log_probabilities(std::span<double> z);

/// Rows of a training table with the logits that a classifier gives them.
struct ScoredClasses {
    std::span<const float> weights;  ///< [n, classes]
    std::span<const float> logits;   ///< [n, classes]
    std::size_t classes = 0;

    std::size_t events() const { return logits.size() / classes; }
    std::span<const float> weights_of(std::size_t event) const {
        return weights.subspan(event * classes, classes);
    }
    std::span<const float> logits_of(std::size_t event) const {
        return logits.subspan(event * classes, classes);
    }
};

/// How good a classifier is; see NetQuality. The scale of the weights of a class does not matter.
/// \param validation  what everything is measured on, in the order of the table
/// \param training    only for the overtraining distance; all training events or some of them
NetQuality measure_classes(const ScoredClasses& validation, const ScoredClasses& training);

}  // namespace ratiofarm::trainer
