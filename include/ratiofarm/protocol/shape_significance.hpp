#pragma once

#include <cmath>
#include <limits>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What is known about the learned shape of one process and nuisance parameter: whether there is
/// one, and how much of it is noise of the nets. NaN where it was not measured.
struct ShapeSignificance {
    double gain = std::numeric_limits<double>::quiet_NaN();        ///< of both sides, see
    double gain_error = std::numeric_limits<double>::quiet_NaN();  ///< NetQuality::held_out_gain
    /// Variance over nominal events of the noise in d ln g / d alpha at alpha = 0.
    double noise_variance = std::numeric_limits<double>::quiet_NaN();
    bool significant = true;  ///< false: its gain may be chance
    bool operator==(const ShapeSignificance&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ShapeSignificance>& value) {
    archive(value.gain, value.gain_error, value.noise_variance, value.significant);
}

/// Error of a nuisance parameter that nothing but its constraint and noise determine.
/// \param width        of the constraint
/// \param information  that the noise pretends: sum over processes of expected events times
///                     noise_variance
inline double error_by_noise(double width, double information) {
    return 1.0 / std::sqrt(1.0 / (width * width) + information);
}

}  // namespace ratiofarm
