#include "ratiofarm/campaign/make_model.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "find_sample.hpp"

namespace ratiofarm {
namespace {

double yield_of(const ProcessSection& process, const std::vector<SampleInfo>& samples) {
    if (process.yield) return *process.yield;
    const double yield = find_sample(samples, process.sample).sum_of_weights;
    if (!(yield > 0.0) || !std::isfinite(yield)) {
        throw DataError("process '" + process.name + "': the weights of sample '" + process.sample +
                        "' sum to " + std::to_string(yield) +
                        " (must be > 0; declare the yield of the process, or check the weights)");
    }
    return yield;
}

}  // namespace

StatisticalModel make_model(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    StatisticalModel model;
    model.parameters = campaign.parameters;
    model.parameter_of_interest = campaign.inference.poi;
    UnbinnedRegion region;
    region.shape_norm = campaign.inference.shape_norm;
    for (const ProcessSection& process : campaign.processes) {
        region.processes.push_back(
            {process.name, yield_of(process, samples), process.coefficient, {}});
    }
    model.unbinned.push_back(std::move(region));
    return model;
}

}  // namespace ratiofarm
