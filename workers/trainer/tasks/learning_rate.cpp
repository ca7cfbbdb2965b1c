#include "learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {
namespace {

double plateau_factor(const TrainingOptions& options, std::span<const double> losses) {
    double best = std::numeric_limits<double>::infinity();
    double factor = 1.0;
    std::uint32_t epochs_without_better = 0;
    for (const double loss : losses) {
        epochs_without_better = loss < best ? 0 : epochs_without_better + 1;
        best = std::min(best, loss);
        if (epochs_without_better < options.schedule_epochs) continue;
        factor *= options.schedule_factor;
        epochs_without_better = 0;
    }
    return factor;
}

/// Half a cosine from `begin` to `end`.
double along_cosine(double begin, double end, double part) {
    return end + (begin - end) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
}

double one_cycle_factor(double step, double all) {
    constexpr double first = 1.0 / 25.0;
    const double top = 0.3 * all - 1.0;
    if (step <= top) return along_cosine(first, 1.0, step / top);
    return along_cosine(1.0, first * 1e-4, (step - top) / (all - 1.0 - top));
}

double schedule_factor(const TrainingOptions& options, const TrainingPosition& position) {
    const auto all = static_cast<double>(position.steps_per_epoch * options.epochs);
    switch (options.schedule) {
        case Schedule::constant: return 1.0;
        case Schedule::cosine: {
            const double part = static_cast<double>(position.step) / all;
            return 0.5 * (1.0 + std::cos(std::numbers::pi * part));
        }
        case Schedule::one_cycle: return one_cycle_factor(static_cast<double>(position.step), all);
        case Schedule::step: {
            const std::uint64_t epoch = position.step / position.steps_per_epoch;
            return std::pow(options.schedule_factor,
                            static_cast<double>(epoch / options.schedule_epochs));
        }
        case Schedule::plateau: return plateau_factor(options, position.validation_loss);
    }
    RATIOFARM_EXPECT(!"a schedule");
    return 1.0;
}

}  // namespace

double learning_rate(const TrainingOptions& options, const TrainingPosition& position) {
    RATIOFARM_EXPECT(position.steps_per_epoch > 0 && options.schedule_epochs > 0);
    const double warmup = options.warmup_epochs * static_cast<double>(position.steps_per_epoch);
    const double next = static_cast<double>(position.step) + 1.0;
    const bool own = options.schedule == Schedule::one_cycle;
    const double warm = next < warmup && !own ? next / warmup : 1.0;
    return options.learning_rate * warm * schedule_factor(options, position);
}

}  // namespace ratiofarm::trainer
