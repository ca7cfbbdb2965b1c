#pragma once

#include <optional>

#include "ratiofarm/fit/likelihood.hpp"

#include "measurement/fit_input.hpp"
#include "results/fit_json.hpp"

#include "fit_request.hpp"
#include "stages.hpp"

namespace ratiofarm {

/// A finished fit, with what is needed to continue from it.
struct FittedCampaign {
    FitRecord record;
    RatioFiles ratios;
    StatisticalModel model;
    LikelihoodData data;
    Likelihood likelihood;
};

/// How a fit ended.
struct CampaignFit {
    StageEnd end;
    std::optional<FittedCampaign> fitted;  ///< the fit just made, if one can continue from it
};

/// Collective over the context's world. As fit_stage(); a fit that lacks what is asked for counts
/// as not done. \param blinding on rank 0
CampaignFit fit_campaign(RunContext& context,
                         const PlannedCampaign& planned,
                         const RunPlace& place,
                         const std::optional<Blinding>& blinding,
                         const FitRequest& request);

/// Collective over the context's world. How this rank evaluates likelihoods; starts its trainer
/// where that sums over the events.
LikelihoodOptions likelihood_of_rank(RunContext& context,
                                     const RunPlace& place,
                                     const FitRequest& request);

/// Collective over the context's world. The fit of fit.json, which is up to date.
FittedCampaign read_fit(RunContext& context,
                        const PlannedCampaign& planned,
                        const RunPlace& place,
                        const FitRequest& request);

/// Collective over the context's world. The fit of fit.json, made first where that is not done.
/// Either way the events are read once. \param blinding on rank 0
FittedCampaign fitted_campaign(RunContext& context,
                               const PlannedCampaign& planned,
                               const RunPlace& place,
                               const std::optional<Blinding>& blinding);

/// Rank 0 logs the warnings of fit.json, if it is of the same campaign and ratios: what takes them
/// up again, as toys do, is as doubtful.
void tell_doubts_of_fit(const RunContext& context,
                        const RunDirectory& directory,
                        const MadeFrom& made_from);

/// ln Z as a parabola about the start says nothing far out, where a fit can be drawn to: a minimum
/// where it fails is none, and warned of.
void expect_expansion(const StatisticalModel& model, FitResult& fit);

/// Adds to the warnings what the points of a scan show of events that are below their floor.
void warn_of_scan(FitResult& fit, const Log& log);

/// Collective over the context's world. Fits again from a place below the minimum, theta, that a
/// scan or a test came to, scans the same points, and replaces fit.json. Limits are dropped, and so
/// are warnings of the minimum before; doubts stay.
void take_over(RunContext& context,
               const RunDirectory& directory,
               const std::vector<double>& place,
               FittedCampaign& fitted);

/// Logs what of a fit did not converge. \return 3 if there is something
ExitCode exit_code_of(const FitRecord& record, const Log& log);

/// Collective over the context's world. Replaces fit.json.
void publish_fit(RunContext& context, const RunDirectory& directory, const FitRecord& record);

/// The campaign as it is fitted.
Campaign as_fitted(const PlannedCampaign& planned, const FitRequest& request);

}  // namespace ratiofarm
