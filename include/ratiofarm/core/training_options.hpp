#pragma once

#include <cstdint>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

enum class Optimizer : std::uint8_t { adam, nadam, adamw };
enum class Schedule : std::uint8_t {
    constant,
    cosine,  ///< learning rate falls to zero along half a cosine over all epochs
};
enum class Precision : std::uint8_t { fp32, bf16 };

/// How one net is trained.
struct TrainingOptions {
    std::uint32_t epochs = 60;    ///< at most; early stopping may end sooner
    std::uint32_t batch = 1024;   ///< events per step
    double learning_rate = 1e-3;  ///< of the first step
    Optimizer optimizer = Optimizer::nadam;
    Schedule schedule = Schedule::cosine;
    double weight_decay = 0.0;  ///< decoupled, for adamw
    std::uint32_t patience =
        20;  ///< epochs without a better validation loss before stopping; 0: never
    Precision precision = Precision::fp32;
    std::uint32_t threads = 1;  ///< CPU threads of one training; part of what determines its bits
    double checkpoint_seconds = 60;  ///< between checkpoints, 0: only when asked; changes no result
    bool operator==(const TrainingOptions&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainingOptions>& value) {
    archive(value.epochs, value.batch, value.learning_rate, value.optimizer, value.schedule,
            value.weight_decay, value.patience, value.precision, value.threads,
            value.checkpoint_seconds);
}

/// Raised when a training gives other weights for the same request; part of every task digest.
inline constexpr std::uint32_t training_algorithm = 1;

}  // namespace ratiofarm
