#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// How good one trained net is, measured on its validation events. r = exp(logit), with the
/// calibration applied if there is one; weighted means over the events of a class.
struct NetQuality {
    double excess = 0.0;        ///< E_denominator[r] - 1
    double excess_error = 0.0;  ///< its statistical error
    double sc_rms = 0.0;   ///< rms over quantile bins of the score of (reweighted denominator) /
                           ///< numerator - 1, statistical part subtracted
    double sc_norm = 0.0;  ///< the same after dividing r by its mean
    double calibration_slope = 0.0;  ///< of a logistic fit of the class to the logit; 1 is perfect
    double slope_error = 0.0;
    std::vector<double> calibration_predicted;  ///< per quantile bin: mean predicted class fraction
    std::vector<double> calibration_observed;   ///< and the true one
    std::vector<double> calibration_error;
    double overtraining = 0.0;    ///< largest distance of the cumulative distributions of the logit
                                  ///< between training and validation events of a class
    std::vector<double> closure;  ///< per feature: chi2 / bins of reweighted denominator against
                                  ///< numerator
    double logit_spread = 0.0;    ///< standard deviation of the logit; 0 for a constant net
    std::uint64_t not_finite = 0;  ///< logits that are NaN or infinite
    std::uint64_t saturated = 0;   ///< |logit| above 15
    bool operator==(const NetQuality&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetQuality>& value) {
    archive(value.excess, value.excess_error, value.sc_rms, value.sc_norm, value.calibration_slope,
            value.slope_error, value.calibration_predicted, value.calibration_observed,
            value.calibration_error, value.overtraining, value.closure, value.logit_spread,
            value.not_finite, value.saturated);
}

/// A monotone, piecewise linear map from the logit of a net to its calibrated logit; outside the
/// knots it is shifted by the correction at the nearest knot. No knots: the identity.
struct CalibrationMap {
    std::vector<float> logit;       ///< increasing
    std::vector<float> calibrated;  ///< not decreasing
    bool operator==(const CalibrationMap&) const = default;
};

/// Most knots of a map.
inline constexpr std::uint32_t calibration_knots = 64;

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, CalibrationMap>& value) {
    archive(value.logit, value.calibrated);
}

}  // namespace ratiofarm
