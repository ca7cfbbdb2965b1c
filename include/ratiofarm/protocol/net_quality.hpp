#pragma once

#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// How good one trained net is, measured on its validation events. z is its logit, r = exp(z), with
/// the calibration applied if there is one. An event has the weight a in the numerator and b in the
/// denominator (one of them is 0 unless it is in both classes); A and B are their sums. Events
/// whose logit is not finite are counted and left out of everything else.
///
/// Deviations come as an rms over bins with the statistical part subtracted (0 if that is all):
/// sqrt(max(0, sum_k v_k (d_k^2 - s_k^2))), where bin k holds the share v_k of A, and
/// d_k = (sum b r / B) / (sum a / A) - 1 with its error s_k. Bins are quantiles of the numerator,
/// at most 20, each of at least 50 events. A `noise` beside such a number is what only chance
/// reaches at five standard deviations, sqrt(5 sqrt(2 sum_k v_k^2 s_k^4)).
///
/// Of a classifier s_k are the probabilities of its C classes, which weigh the same. There are the
/// numbers per class, constant_loss, not_finite, and: excess and calibration_slope of the class
/// that is farthest from what is perfect in units of its error; overtraining of ln(s_k / (1 - s_k))
/// for the events of class k, its largest distance; logit_spread, the largest standard deviation of
/// those. The rest is only about ratios, and 0 or empty.
struct NetQuality {
    double excess = 0.0;        ///< E_denominator[r] - 1 = sum b r / B - 1
    double excess_error = 0.0;  ///< its statistical error, sqrt(sum b^2 (r - 1 - excess)^2) / B
    double sc_rms = 0.0;        ///< deviation in bins of the logit
    double sc_norm = 0.0;       ///< the same after dividing r by 1 + excess
    double sc_noise = 0.0;      ///< of both
    double calibration_slope = 0.0;  ///< k of a logistic fit of the class, sigmoid(c + k z) with
                                     ///< balanced classes; 1 is perfect; NaN for a constant net
    double slope_error = 0.0;        ///< by the sandwich formula
    /// Curve of the class fraction, balanced classes: in quantile bins of the logit (of all events
    /// alike), at most 20, the mean of sigmoid(z), the fraction of the weight that is numerator,
    /// and its statistical error.
    std::vector<double> calibration_predicted;
    std::vector<double> calibration_observed;
    std::vector<double> calibration_error;
    double overtraining = 0.0;  ///< largest distance of the cumulative distributions of the logit
                                ///< between training and validation events of a class
    double overtraining_noise = 0.0;    ///< that chance exceeds once in 1000 (Kolmogorov)
    std::vector<double> closure;        ///< per feature: deviation in bins of the feature; behind
                                        ///< them per quantity of the lists that the net reads
    std::vector<double> closure_noise;  ///< likewise
    double logit_spread = 0.0;          ///< standard deviation of the logit; 0 for a constant net
    std::uint64_t not_finite = 0;       ///< validation logits that are NaN or infinite
    std::uint64_t saturated = 0;        ///< validation logits beyond +-15
    /// Logits of at most 512 validation events of the denominator, evenly spread over the table:
    /// the same events for all members of an ensemble (of a fold), so that their spread can be
    /// compared.
    std::vector<float> reference_logits;
    /// What the net gains on a constant one, to first order, on the inference events of both
    /// classes, which nothing about it was chosen by: (sum a z / A - sum b z / B) / 4; its standard
    /// error; number of events (rows of one id are one). Only where TrainRequest::held_out asks for
    /// it.
    double held_out_gain = 0.0;
    double held_out_error = 0.0;
    std::uint64_t held_out_events = 0;
    double constant_loss = std::numbers::ln2;  ///< loss of the best constant net
    std::vector<double> class_excess;        ///< [classes] mean of C s_k over all classes, minus 1
    std::vector<double> class_excess_error;  ///< its statistical error
    std::vector<double> class_slope;         ///< [classes] as calibration_slope, of class k against
                                             ///< the others with the logit ln(s_k / (1 - s_k))
    std::vector<double> class_slope_error;   ///< by the sandwich formula
    bool operator==(const NetQuality&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetQuality>& value) {
    archive(value.excess, value.excess_error, value.sc_rms, value.sc_norm, value.sc_noise,
            value.calibration_slope, value.slope_error, value.calibration_predicted,
            value.calibration_observed, value.calibration_error, value.overtraining,
            value.overtraining_noise, value.closure, value.closure_noise, value.logit_spread,
            value.not_finite, value.saturated, value.reference_logits, value.held_out_gain,
            value.held_out_error, value.held_out_events, value.constant_loss, value.class_excess,
            value.class_excess_error, value.class_slope, value.class_slope_error);
}

/// How the logits z of a net that learned a ratio are distributed over the events that trained it
/// and over its validation events, calibrated, in score_histogram_bins bins of equal width. The
/// outermost bins include what is beyond.
struct ScoreHistograms {
    double low = 0.0;   ///< between low and high are 99 % of the numerator's validation events
    double high = 0.0;  ///< > low, if there are shares
    /// [4, score_histogram_bins] share of the weight of its class: training numerator, training
    /// denominator, validation numerator, validation denominator. Empty if unknown: of a
    /// classifier, of a constant net and of one trained by an older version.
    std::vector<float> shares;
    std::vector<float> errors;  ///< of the shares, statistical
    bool operator==(const ScoreHistograms&) const = default;
};

inline constexpr std::uint32_t score_histogram_bins = 20;

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ScoreHistograms>& value) {
    archive(value.low, value.high, value.shares, value.errors);
}

/// A piecewise linear map from the logit of a net to its calibrated logit; outside the
/// knots it is shifted by the correction at the nearest knot. No knots: the identity.
struct CalibrationMap {
    std::vector<float> logit;       ///< increasing
    std::vector<float> calibrated;  ///< of a histogram it may decrease
    bool operator==(const CalibrationMap&) const = default;
};

/// Most knots of a map.
inline constexpr std::uint32_t calibration_knots = 64;

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, CalibrationMap>& value) {
    archive(value.logit, value.calibrated);
}

/// The map applied to one logit; NaN and infinities stay what they are.
/// \param knots       increasing; the map ends before its first NaN
/// \param calibrated  as many
float calibrated(std::span<const float> knots,
                 std::span<const float> calibrated_knots,
                 float logit) noexcept;

float calibrated(const CalibrationMap& map, float logit) noexcept;

}  // namespace ratiofarm
