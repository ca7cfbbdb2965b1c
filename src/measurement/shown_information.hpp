#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "results/fit_json.hpp"

#include "fit_input.hpp"

/// Whether simulated events that trained no net show what a fit takes from the ratios of processes.
///
/// To first order an estimate is a sum over the data of c . d ln D / d theta = psi, c the row of
/// the covariance that belongs to its parameter, and 1 / variance is the mean of psi^2 /
/// variance^2. psi knows which process an event is from only by its ratios. Where they are right,
/// that is the mean of what the process itself says: E[psi l] = E[psi^2] with l the same derivative
/// of the rate of the event's own process. Events that trained no net tell E[psi l]. Noise of nets
/// in psi, as of processes that nothing separates, is in E[psi^2] and not in E[psi l]; nets that
/// learned a part of a difference are seen by more of it there than here.
///
/// The same psi tells how the finite simulation moves an estimate. Nets that follow the n events of
/// a process that trained them are off by as much as the mean of psi over n events scatters: rate *
/// sd(psi) / sqrt(n), of all processes in quadrature. `tests/bench/weighted_members_study.py` has
/// what comes of it: docs/finite_mc.md.
namespace ratiofarm {

/// Of one parameter that nothing constrains.
struct ShownInformation {
    std::string parameter;
    double error = 0.0;        ///< by the Hessian, also at the end of the range
    double share = 1.0;        ///< of 1 / error^2; the rest is not shown
    double share_error = 0.0;  ///< by the number of simulated events
};

/// What held-out events say of a fit.
struct HeldOut {
    std::vector<ShownInformation> information;
    std::optional<SimulationNoise> noise;  ///< none where it is not known
};

/// Collective over the likelihood's communicator. A pass over at most 200,000 simulated events of
/// each ratio file, for all parameters that nothing constrains and that are in a coefficient. A
/// region whose file lacks the events of a process is taken to be right. Nothing where the fit did
/// not converge. \param fitted by this likelihood
HeldOut held_out_events(const Campaign& campaign,
                        const RatioFiles& ratios,
                        const Likelihood& likelihood,
                        const FitResult& fitted);

/// A sentence where training events move the estimate by more than noisy_part of its error and
/// nothing in the campaign measures that.
std::optional<std::string> noisy_simulation(const Campaign& campaign, const FitRecord& record);

/// Where that is less or more by a fifth, and by three of its errors.
std::vector<std::string> warnings_of(const std::vector<ShownInformation>& all);

}  // namespace ratiofarm
