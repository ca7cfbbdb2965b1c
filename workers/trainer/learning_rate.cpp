#include "learning_rate.hpp"

#include <cmath>
#include <numbers>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

double learning_rate(const TrainingOptions& options, std::uint64_t step, std::uint64_t total) {
    RATIOFARM_EXPECT(total > 0);
    if (options.schedule == Schedule::constant) return options.learning_rate;
    const double position = static_cast<double>(step) / static_cast<double>(total);
    return options.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * position));
}

}  // namespace ratiofarm
