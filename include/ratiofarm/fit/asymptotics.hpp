#pragma once

#include <array>

namespace ratiofarm {

// The asymptotic formulae of arXiv:1007.1727 as functions of numbers. With sqrt(mu) in the model
// they fail near mu = 0 and where minima are nearly degenerate: thresholds must come from toys.

/// Probability that a standard normal variable is below x, and its inverse.
double normal_cdf(double x);
double normal_tail(double x);      ///< above x, without cancellation
double log_normal_tail(double x);  ///< its logarithm, also where the tail underflows
double normal_quantile(double probability);

/// What a statistic and its value for Asimov data say about a hypothesis.
struct ClsValue {
    double p_sb = 1.0;  ///< of signal and background
    double p_b = 1.0;   ///< 1 - p_b in the literature: of only background, same direction as p_sb
    double cls = 1.0;   ///< p_sb / p_b, also where both underflow
};

/// From q_mu. \param q observed, >= 0  \param q_asimov of Asimov data without signal, >= 0
ClsValue cls_of_q(double q, double q_asimov);

/// From q-tilde_mu, whose distribution is another one where q > q_asimov.
ClsValue cls_of_q_tilde(double q, double q_asimov);

/// Number of standard deviations of the expected bands, lowest limit first: CLs at N = -2 is the
/// smallest.
inline constexpr std::array<double, 5> band_sigmas{-2.0, -1.0, 0.0, 1.0, 2.0};

/// CLs that background-only data N standard deviations off their median would give,
/// [1 - Phi(sqrt(q_A) - N)] / Phi(N).
double expected_cls(double q_asimov, double n_sigma);

/// sqrt(q_A) at which expected_cls() is `cls`.
double root_of_asimov_at(double cls, double n_sigma);

}  // namespace ratiofarm
