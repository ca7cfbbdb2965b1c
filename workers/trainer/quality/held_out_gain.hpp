#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/net_quality.hpp"

namespace ratiofarm::trainer {

enum class TrainedClass : std::uint8_t { numerator, denominator };

/// Events of one component of a class with the logits that a net gives them.
struct HeldOutComponent {
    TrainedClass in = TrainedClass::numerator;
    double fraction = 1.0;           ///< of the class; those of a class sum to 1
    std::vector<double> logit = {};  ///< [n] calibrated
    std::vector<double> weight = {};
    std::vector<std::uint64_t> id = {};
};

/// What a net of logit z gains on a constant one, to first order: the slope at c = 0 of the gain of
/// c z,
///
///     gain = (mean of z over the numerator - mean over the denominator) / 4,
///
/// positive where the net tells the classes apart, zero on average where it learned only noise,
/// however much of it: the gain itself would also charge for the noise and miss shapes that are
/// there. The exact ratio of N(d, 1) to N(0, 1) has d^2 / 4. Weights may be signed. The error is
/// that of the weighted means; what events of one id contribute is added before it is squared, so
/// that an event in both classes counts once, as a row with a soft target does, and so does one
/// that was varied. Events whose logit is not finite are left out.
/// \return held_out_gain, held_out_error and held_out_events (rows with a different id); NaN if a
/// component has no positive total weight
struct HeldOutGain {
    double gain = 0.0;
    double error = 0.0;
    std::uint64_t events = 0;
};
HeldOutGain held_out_gain(std::span<const HeldOutComponent> components);

}  // namespace ratiofarm::trainer
