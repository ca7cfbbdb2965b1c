#include "weight_average.hpp"

#include <algorithm>

#include <ATen/core/Tensor.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {

double average_part(const TrainingOptions& options,
                    std::uint64_t step,
                    std::uint64_t steps_per_epoch) {
    RATIOFARM_EXPECT(step > 0 && steps_per_epoch > 0);
    if (options.average == Average::ema) {
        const auto before = static_cast<double>(step - 1);
        return 1.0 - std::min(options.average_decay, (1.0 + before) / (10.0 + before));
    }
    const auto first = static_cast<std::uint64_t>(options.average_from * options.epochs);
    if (step <= first * steps_per_epoch) return 1.0;
    if (step % steps_per_epoch != 0) return 0.0;
    return 1.0 / static_cast<double>(step / steps_per_epoch - first);
}

void average_weights(const at::Tensor& average,
                     const at::Tensor& weights,
                     const std::vector<bool>& running,
                     double part) {
    if (part == 0.0) return;
    for (std::size_t net = 0; net < running.size(); ++net) {
        const auto row = static_cast<std::int64_t>(net);
        if (running[net]) average[row].lerp_(weights[row], part);
    }
}

}  // namespace ratiofarm::trainer
