#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

#include "measurement/fit_input.hpp"
#include "results/fit_json.hpp"

#include "stages.hpp"

namespace ratiofarm {

/// What a command asks of the fit beyond the campaign.
struct FitRequest {
    std::optional<unsigned> starts = {};      ///< FitOptions::starts; none: any fit will do
    std::vector<std::string> intervals = {};  ///< parameters with error_low and error_high
    bool all_intervals = false;               ///< of all parameters
    bool keep_null_shapes = false;            ///< whatever the campaign says of them
    LikelihoodOptions likelihood = {};        ///< but the threads, which are those of the rank
};

/// As fit_stage(); a fit that lacks what is asked for counts as not done.
StageEnd fit_stage(RunContext& context, Workspace& workspace, const FitRequest& request);

/// A fit that is done, with what is needed to go on from it.
struct FittedCampaign {
    FitRecord record;
    RatioFiles ratios;
    StatisticalModel model;
    LikelihoodData data;
    Likelihood likelihood;
};

/// Collective over the context's world. Fits first where that is not done.
FittedCampaign fitted_campaign(RunContext& context,
                               Workspace& workspace,
                               const FitRequest& request = {});

/// Collective over the context's world. Replaces fit.json.
void publish_fit(RunContext& context, const Workspace& workspace, const FitRecord& record);

}  // namespace ratiofarm
