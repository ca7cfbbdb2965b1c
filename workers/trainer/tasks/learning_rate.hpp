#pragma once

#include <cstdint>
#include <span>

#include "ratiofarm/protocol/training_options.hpp"

namespace ratiofarm::trainer {

/// How far a net is in its training.
struct TrainingPosition {
    std::uint64_t step = 0;                   ///< steps done
    std::uint64_t steps_per_epoch = 1;        ///< > 0
    std::span<const double> validation_loss;  ///< of each complete epoch; for Schedule::plateau
};

/// Learning rate of the next step: training.learning_rate times the factors of warm-up and
/// schedule. A pure function, so that a continued training needs no state of it.
/// * warm-up: (step + 1) / steps of the warm-up, until that is 1
/// * cosine: (1 + cos(pi step / all steps)) / 2, as torch's CosineAnnealingLR on steps
/// * step: schedule_factor to the power of the whole schedule_epochs gone by, as StepLR
/// * one_cycle: as torch's OneCycleLR on steps with pct_start 0.3, div_factor 25 and
///   final_div_factor 1e4, without its cycle of the momentum; without another warm-up
/// * plateau: schedule_factor each time that schedule_epochs epochs in a row were not better than
///   the best before them, as ReduceLROnPlateau with threshold 0 and patience schedule_epochs - 1
double learning_rate(const TrainingOptions& options, const TrainingPosition& position);

}  // namespace ratiofarm::trainer
