#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/protocol/training_options.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

/// Part of the weights in their average after a step: average += part * (weights - average). A pure
/// function, so that a continued training needs no state beside the average, which begins with the
/// weights before the first step.
/// * ema: 1 - min(average_decay, (1 + t) / (10 + t)), t steps being done before, so that the first
///   weights do not stay for long
/// * swa: 1 up to epoch number floor(average_from * epochs); then 0, but 1 / n after the n-th epoch
///   behind it: the mean of the weights at the ends of these epochs
/// \param step  steps done, this one included
double average_part(const TrainingOptions& options,
                    std::uint64_t step,
                    std::uint64_t steps_per_epoch);

/// Takes the weights of running nets into their averages, each net by itself, so that it has the
/// same bits alone and in any pack. Both tensors [nets, n].
void average_weights(const at::Tensor& average,
                     const at::Tensor& weights,
                     const std::vector<bool>& running,
                     double part);

}  // namespace ratiofarm::trainer
