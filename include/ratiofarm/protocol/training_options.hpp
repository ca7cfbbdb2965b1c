#pragma once

#include <cstdint>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

enum class Optimizer : std::uint8_t { adam, nadam, adamw };
template <>
inline constexpr auto enum_words<Optimizer> = words("adam", "nadam", "adamw");
enum class Schedule : std::uint8_t {
    constant,
    cosine,   ///< falls to zero along half a cosine over all epochs
    step,     ///< times schedule_factor every schedule_epochs
    plateau,  ///< times schedule_factor after schedule_epochs without a better validation loss
};
template <>
inline constexpr auto enum_words<Schedule> = words("constant", "cosine", "step", "plateau");
enum class Precision : std::uint8_t {
    fp32,
    tf32,  ///< matrix products of a GPU in TF32; on a CPU the same as fp32
    bf16,  ///< operands of matrix products in bf16, weights and sums in fp32
};
template <>
inline constexpr auto enum_words<Precision> = words("fp32", "tf32", "bf16");
enum class Scaling : std::uint8_t {
    standard,  ///< mean 0, standard deviation 1
    min_max,   ///< training events between -1 and 1
    none,
};
template <>
inline constexpr auto enum_words<Scaling> = words("standard", "min_max", "none");
enum class Keep : std::uint8_t {
    best,  ///< the weights of the epoch with the lowest validation loss
    last,
};
template <>
inline constexpr auto enum_words<Keep> = words("best", "last");
enum class NegativeWeights : std::uint8_t { allow, refuse };
template <>
inline constexpr auto enum_words<NegativeWeights> = words("allow", "refuse");
enum class CalibrationMethod : std::uint8_t {
    none,
    isotonic,  ///< a monotone correction of log r, fitted to the validation events
};
template <>
inline constexpr auto enum_words<CalibrationMethod> = words("none", "isotonic");
enum class Engine : std::uint8_t {
    automatic,  ///< written out where there is such a step for the kind of network
    written,    ///< forward and backward pass by hand
    autograd,   ///< slow and clear
};
template <>
inline constexpr auto enum_words<Engine> = words("auto", "written", "autograd");

/// How one net is trained.
struct TrainingOptions {
    std::uint32_t epochs = 60;    ///< at most; early stopping may end sooner
    std::uint32_t batch = 1024;   ///< events per step
    double learning_rate = 1e-3;  ///< before schedule and warm-up
    Optimizer optimizer = Optimizer::nadam;
    Schedule schedule = Schedule::cosine;
    double schedule_factor = 0.1;        ///< of step and plateau, in (0, 1)
    std::uint32_t schedule_epochs = 10;  ///< of step and plateau, >= 1
    double warmup_epochs = 0.0;          ///< the rate rises linearly from 0 over so many epochs
    double clip_norm = 0.0;              ///< longest gradient of a net; 0: not clipped
    double weight_decay = 0.0;           ///< decoupled, for adamw
    std::uint32_t patience =
        20;  ///< epochs without a better validation loss before stopping; 0: never
    Keep keep = Keep::best;
    Scaling scaling = Scaling::standard;
    NegativeWeights negative_weights = NegativeWeights::allow;
    CalibrationMethod calibration = CalibrationMethod::none;
    Precision precision = Precision::fp32;
    Engine engine = Engine::automatic;
    std::uint32_t pack = 0;     ///< nets of one task; 0: 1 on a CPU, more on a GPU
    std::uint32_t threads = 1;  ///< CPU threads of one training; part of what determines its bits
    double checkpoint_seconds = 60;  ///< between checkpoints, 0: only when asked; changes no result
    bool operator==(const TrainingOptions&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainingOptions>& value) {
    archive(value.epochs, value.batch, value.learning_rate, value.optimizer, value.schedule,
            value.schedule_factor, value.schedule_epochs, value.warmup_epochs, value.clip_norm,
            value.weight_decay, value.patience, value.keep, value.scaling, value.negative_weights,
            value.calibration, value.precision, value.engine, value.pack, value.threads,
            value.checkpoint_seconds);
}

/// Raised when a training gives other weights for the same request; part of every task digest.
inline constexpr std::uint32_t training_algorithm = 2;

}  // namespace ratiofarm
