#pragma once

#include <cstdint>

#include "ratiofarm/core/training_options.hpp"

namespace ratiofarm {

/// Learning rate of one step.
/// \param step   counted from 0
/// \param total  steps of all epochs, > 0
double learning_rate(const TrainingOptions& options, std::uint64_t step, std::uint64_t total);

}  // namespace ratiofarm
