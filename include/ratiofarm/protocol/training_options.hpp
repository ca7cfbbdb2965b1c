#pragma once

#include <cstdint>
#include <string_view>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/key.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

enum class Optimizer : std::uint8_t { adam, nadam, adamw };
template <>
inline constexpr auto enum_words<Optimizer> = words("adam", "nadam", "adamw");
enum class Schedule : std::uint8_t {
    constant,
    cosine,     ///< falls to zero along half a cosine over all epochs
    step,       ///< times schedule_factor every schedule_epochs
    plateau,    ///< times schedule_factor after schedule_epochs without a better validation loss
    one_cycle,  ///< rises over the first 30 % of all steps, then falls
};
template <>
inline constexpr auto enum_words<Schedule> =
    words("constant", "cosine", "step", "plateau", "one_cycle");
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
    quantile,  ///< median 0, the central 68 % about as wide as those of a standard normal
};
template <>
inline constexpr auto enum_words<Scaling> = words("standard", "min_max", "none", "quantile");
enum class Keep : std::uint8_t {
    best,  ///< the weights of the epoch with the lowest validation loss
    last,
};
template <>
inline constexpr auto enum_words<Keep> = words("best", "last");
enum class Average : std::uint8_t {
    none,
    ema,  ///< exponential moving average of the weights after each step
    swa,  ///< mean of the weights after each of the last epochs (arXiv:1803.05407)
};
template <>
inline constexpr auto enum_words<Average> = words("none", "ema", "swa");
enum class NegativeWeights : std::uint8_t { allow, refuse };
template <>
inline constexpr auto enum_words<NegativeWeights> = words("allow", "refuse");
/// A correction of log r, fitted to the validation events.
enum class CalibrationMethod : std::uint8_t {
    none,
    isotonic,   ///< monotone
    platt,      ///< a straight line
    histogram,  ///< what is found in bins of log r
};
template <>
inline constexpr auto enum_words<CalibrationMethod> =
    words("none", "isotonic", "platt", "histogram");
enum class Engine : std::uint8_t {
    automatic,  ///< written out where there is such a step for the kind of network
    written,    ///< forward and backward pass by hand
    autograd,   ///< slow and clear
};
template <>
inline constexpr auto enum_words<Engine> = words("auto", "written", "autograd");

inline constexpr std::uint32_t most_ensemble_nets = 1000;  ///< of one ensemble, and so of one task

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
    Average average = Average::none;  ///< of the weights that are validated and kept
    double average_decay = 0.999;     ///< of ema, in (0, 1)
    double average_from = 0.75;       ///< of swa: share of the epochs before it begins
    double dropout = 0.0;             ///< share of the hidden units that a training step leaves out
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

template <class Visit>
void schedule_fields(Visit& visit, MemberOf<Visit, TrainingOptions>& value) {
    visit("schedule", value.schedule);
    const bool in_steps = value.schedule == Schedule::step || value.schedule == Schedule::plateau;
    const std::string_view useless =
        in_steps ? "" : "only schedule = \"step\" or \"plateau\" uses it";
    visit("schedule_factor", value.schedule_factor,
          Key{.number = {.low = 0.0, .high = 0.999, .low_allowed = false}, .useless = useless});
    visit("schedule_epochs", value.schedule_epochs,
          Key{.whole = {1, 1'000'000}, .useless = useless});
    visit("warmup_epochs", value.warmup_epochs,
          Key{.number = {.low = 0.0, .high = 1e6},
              .useless = value.schedule == Schedule::one_cycle
                             ? "schedule = \"one_cycle\" has a warm-up of its own"
                             : ""});
}

template <class Visit>
void average_fields(Visit& visit, MemberOf<Visit, TrainingOptions>& value) {
    visit("average", value.average, Key{.written = value.average != Average::none});
    const bool ema = value.average == Average::ema;
    const bool swa = value.average == Average::swa;
    visit("average_decay", value.average_decay,
          Key{.number = {.low = 0.0, .high = 0.999999, .low_allowed = false},
              .useless = ema ? "" : "only average = \"ema\" uses it",
              .written = ema});
    visit("average_from", value.average_from,
          Key{.number = {.low = 0.0, .high = 0.99},
              .useless = swa ? "" : "only average = \"swa\" uses it",
              .written = swa});
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, TrainingOptions>& value) {
    visit("epochs", value.epochs, Key{.whole = {1, 1'000'000}, .searched = false});
    visit("batch", value.batch, Key{.whole = {1, 1U << 30U}});
    visit("learning_rate", value.learning_rate,
          Key{.number = {.low = 0.0, .high = 10.0, .low_allowed = false}});
    visit("optimizer", value.optimizer);
    schedule_fields(visit, value);
    visit("clip_norm", value.clip_norm, Key{.number = {.low = 0.0, .high = 1e6}});
    visit("weight_decay", value.weight_decay, Key{.number = {.low = 0.0, .high = 1.0}});
    visit("patience", value.patience, Key{.whole = {0, 1'000'000}});
    visit("keep", value.keep);
    average_fields(visit, value);
    visit("dropout", value.dropout,
          Key{.number = {.low = 0.0, .high = 0.9}, .written = value.dropout > 0.0});
    visit("scaling", value.scaling);
    visit("negative_weights", value.negative_weights);
    visit("calibration", value.calibration);
    visit("precision", value.precision);
    visit("engine", value.engine, Key{.searched = false});
    visit("pack", value.pack,
          Key{.whole = {0, most_ensemble_nets}, .searched = false, .effect = Key::Effect::work});
    visit("threads", value.threads, Key{.whole = {1, 1024}, .searched = false});
    visit("checkpoint_seconds", value.checkpoint_seconds,
          Key{.number = {.low = 0.0, .high = 86400.0, .low_allowed = false},
              .searched = false,
              .effect = Key::Effect::none});
}

/// Raised when a training gives other weights for the same request; part of every task digest.
inline constexpr std::uint32_t training_algorithm = 3;

}  // namespace ratiofarm
