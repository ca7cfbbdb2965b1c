#pragma once

#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

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
namespace ratiofarm {

/// Of one parameter that nothing constrains.
struct ShownInformation {
    std::string parameter;
    double error = 0.0;        ///< by the Hessian, also at the end of the range
    double share = 1.0;        ///< of 1 / error^2; the rest is not shown
    double share_error = 0.0;  ///< by the number of simulated events
};

/// Collective over the likelihood's communicator. A pass over at most 200,000 simulated events of
/// each ratio file, for all parameters that nothing constrains and that are in a coefficient. A
/// region whose file lacks the events of a process is taken to be right. Nothing where the fit did
/// not converge. \param fitted by this likelihood
std::vector<ShownInformation> shown_information(const Campaign& campaign,
                                                const RatioFiles& ratios,
                                                const Likelihood& likelihood,
                                                const FitResult& fitted);

/// Where that is less or more by a fifth, and by three of its errors.
std::vector<std::string> warnings_of(const std::vector<ShownInformation>& all);

}  // namespace ratiofarm
