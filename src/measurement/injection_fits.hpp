#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit.hpp"

#include "results/fit_json.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// How the main fit is done; injections are fitted in the same way.
struct InjectionOptions {
    LikelihoodOptions likelihood = {};
    unsigned starts = 4;
    double held_error = 0.0;  ///< of the main fit (ShapeRecord), in quadrature with each error
};

/// A campaign that fits one of its own injections instead of its data.
Campaign injected_campaign(const Campaign& campaign, const Injection& injection);

/// Collective over comm. Fits each of [data].injections with the model of the campaign.
/// \throws AgreedError if a sample is missing from a ratio file
std::vector<InjectionFit> injection_fits(const mpi::Communicator& comm,
                                         const Campaign& campaign,
                                         const RatioFiles& ratios,
                                         const InjectionOptions& options);

/// Collective over comm. By how much the finite number of events makes the estimate of the
/// parameter of interest from Asimov data of samples fluctuate, in units of its error: with y = d
/// ln D / d mu of an event and its mean over the sample, whose rate is given, sqrt( sum w^2 (y -
/// mean)^2 / sum w y^2 ). Other parameters and shapes stand at the truth. Events of the samples
/// that are in the reference as well make it smaller. \param campaign that fits such data
double sampling_spread(const mpi::Communicator& comm,
                       const Campaign& campaign,
                       const StatisticalModel& model,
                       const RatioFiles& ratios);

/// A sentence on the truths that were put into samples and that the fit misses, if any: such ratios
/// are biased. Asimov data, of the fit itself and of injections, by more than 0.2 of an error and
/// twice what the number of events makes; events of a sample of its own, which fluctuate, by more
/// than three errors.
std::optional<std::string> missed_truths(const Campaign& campaign,
                                         const StatisticalModel& model,
                                         const FitRecord& record);

}  // namespace ratiofarm
