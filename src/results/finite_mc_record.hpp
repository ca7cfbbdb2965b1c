#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "campaign/finite_mc_section.hpp"

namespace ratiofarm {

/// ln r of the processes of a region as sums of ln r of single nets: for process j
/// sum_k factor[j][k] line_jk(x) + constant[j].
struct NetRatioSums {
    NetRatios lines = NetRatios::member;      ///< member or replica
    std::vector<std::vector<double>> factor;  ///< [processes][nets of the process]
    std::vector<double> constant;             ///< [processes]
    bool operator==(const NetRatioSums&) const = default;
};

/// The parameter of interest fitted with the ratios of each net number in turn, all processes
/// together, to the same data.
struct EstimateSpread {
    std::vector<std::uint32_t> nets;  ///< their numbers; those that did not converge are left out
    std::vector<double> estimates;
    double mean = 0.0;
    double sigma = 0.0;               ///< standard deviation of one estimate, undivided
    double sigma_error = 0.0;         ///< its statistical error, sigma / sqrt(2 (n - 1))
    double newton_difference = 0.0;   ///< largest |estimate after one Newton step - estimate|
    std::uint32_t not_converged = 0;  ///< left out
};

/// Fills mean, sigma and its error from the estimates; 0 where there are less than two.
void set_spread(EstimateSpread& spread);

/// Weighted members, after arXiv:2506.00113.
struct WeightedMembersFit {
    double sigma = 0.0;     ///< of the estimate, from the covariance of the weights
    double estimate = 0.0;  ///< of the parameter of interest with the ratios of weighted members
    double error = 0.0;     ///< of that fit
    std::vector<NetRatioSums>
        ratios;  ///< [regions], of which these are normalised on the reference
    /// [regions][processes], how many weights the inference events determine; 0: all are equal.
    std::vector<std::vector<double>> determined;
    bool converged = true;  ///< weights and fit
};

/// The uncertainty of a fit from the finite number of simulated events.
struct FiniteMcRecord {
    FiniteMcMethod method = FiniteMcMethod::none;
    FiniteMcUse use = FiniteMcUse::report;
    double sigma = 0.0;      ///< of the parameter of interest, by the method
    double fit_value = 0.0;  ///< fit without this uncertainty, its error, and both errors
    double fit_error = 0.0;  ///< in quadrature
    double total_error = 0.0;
    double inflation = 1.0;        ///< t was divided by this; 1 where use is report
    double direction_sigma = 0.0;  ///< how far the nuisance parameter moves the poi, <= sigma
    std::optional<EstimateSpread> replicas = {};
    std::optional<EstimateSpread> members = {};
    std::optional<WeightedMembersFit> wifi = {};
    /// [regions], what the fit used instead of the ratios of the file; empty: those of the file.
    std::vector<NetRatioSums> ratios = {};
    /// [regions], ln g of the nuisance parameter at +1; empty without it. A region without lines
    /// has none.
    std::vector<NetRatioSums> direction = {};
    std::vector<std::string> warnings = {};
};

/// "finite number of simulated events: ...", lines for people; empty parts are left out.
std::string finite_mc_text(const FiniteMcRecord& record, const std::string& poi);

}  // namespace ratiofarm
