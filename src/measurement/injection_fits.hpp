#pragma once

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

/// A sentence for each truth that was put into samples and that the fit misses: such ratios are
/// biased. Asimov data, of the fit itself and of injections, by more than one error; events of a
/// sample of its own, which fluctuate, by more than three.
std::vector<std::string> missed_truths(const Campaign& campaign,
                                       const StatisticalModel& model,
                                       const FitRecord& record);

}  // namespace ratiofarm
