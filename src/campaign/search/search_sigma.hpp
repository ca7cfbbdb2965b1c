#pragma once

#include <span>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// How a process depends on the parameter of interest, with all parameters at their start.
struct ProcessRate {
    double factor = 0.0;  ///< f_j
    double slope = 0.0;   ///< f_j', by the parameter of interest
    double yield = 0.0;   ///< nu_j
};

/// Events of one process with the ratios that the nets of all processes give them.
struct JudgedEvents {
    std::vector<double> weight;                 ///< [n]
    std::vector<std::vector<float>> log_ratio;  ///< [processes][n] ln r_k
};

/// \throws DataError if the derivative is not finite there: sqrt(mu) at mu = 0
std::vector<ProcessRate> process_rates(const Campaign& campaign,
                                       const std::vector<SampleInfo>& samples);

/// ln of the mean ratio that nets give. \param log_ratio  [nets][n], at least one net
std::vector<float> log_mean_ratio(std::vector<std::vector<float>> log_ratio);

/// Expected error of the parameter of interest from an estimating function s, events and their
/// number counted: with s(x) = sum_k f_k' nu_k r_k(x) / sum_k f_k nu_k r_k(x),
///
///     sigma = sqrt(sum_j f_j nu_j E_j[s^2]) / |sum_j f_j' nu_j E_j[s]|,
///
/// E_j being means over events of process j. By the Cauchy-Schwarz inequality it is least for the
/// exact ratios, where it is 1 / sqrt(Fisher information). Where the mixture below the line is not
/// positive it counts as 1e-6 of its scale. Infinite if there is no such number.
/// \param events  one entry per process
/// \param norm  [processes] mean of r_k over the reference, by which it is divided
double expected_sigma(std::span<const ProcessRate> rates,
                      std::span<const JudgedEvents> events,
                      std::span<const double> norm);

/// How far the interval value +- error of the parameter of interest is from holding the truth in
/// 68.27 % of all data, which wrong ratios bias: with
///
///     V = sum_j f_j nu_j E_j[s^2],   b = (sum_j f_j nu_j E_j[s] - sum_k f_k' nu_k) / sqrt(V),
///
/// the mean and the variance of the score of the likelihood, whose curvature also has the mean V,
/// pulls are normal with the mean b and the width 1. It is erf(1 / sqrt 2) - Phi(1 - b) + Phi(-1 -
/// b), with what chance does to b by the number of events subtracted in quadrature. Small toys
/// would add their noise to this number. Infinite if there is none. Parameters as for
/// expected_sigma().
double coverage_defect(std::span<const ProcessRate> rates,
                       std::span<const JudgedEvents> events,
                       std::span<const double> norm);

}  // namespace ratiofarm
