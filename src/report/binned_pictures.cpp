#include "binned_pictures.hpp"

#include <algorithm>

namespace ratiofarm {
namespace {

/// [regions][bins] at some values of the parameters.
std::vector<std::vector<double>> expected_bins(const Campaign& campaign,
                                               StatisticalModel model,
                                               const std::vector<double>& theta) {
    std::vector<std::vector<double>> empty;
    for (const BinnedRegionSection& section : campaign.binned) {
        empty.emplace_back(section.region.n_bins(), 0.0);
    }
    model.unbinned.clear();
    const mpi::Communicator alone;
    const LikelihoodData data{{}, empty};
    const Likelihood likelihood(model, data, alone);
    const auto u = likelihood.coordinates().to_internal(theta);
    return likelihood.expected_data(data, u).data.binned;
}

std::vector<double> fitted_values(const StatisticalModel& model, const FitRecord& record) {
    std::vector<double> theta;
    for (const Parameter& parameter : model.parameters) {
        const auto& fitted = record.fit.parameters;
        const auto found = std::ranges::find(fitted, parameter.name, &FittedParameter::name);
        theta.push_back(found == fitted.end() ? parameter.start : found->value);
    }
    return theta;
}

}  // namespace

std::vector<BinnedPicture> binned_pictures(const Campaign& campaign,
                                           const RatioFiles& ratios,
                                           const FitRecord& record) {
    if (campaign.binned.empty()) return {};
    const StatisticalModel model = model_for_ratios(campaign, ratios);
    const bool observed = fits_observed(campaign);
    const auto fitted = expected_bins(campaign, model, fitted_values(model, record));
    const auto asimov = observed ? std::vector<std::vector<double>>()
                                 : expected_bins(campaign, model, asimov_point(campaign, model));
    std::vector<BinnedPicture> pictures;
    for (std::size_t r = 0; r < campaign.binned.size(); ++r) {
        const BinnedRegionSection& section = campaign.binned[r];
        if (observed && !section.observed) continue;
        pictures.push_back({.region = section.region.name,
                            .observable = section.observable,
                            .edges = section.edges,
                            .fitted = fitted[r],
                            .data = observed ? *section.observed : asimov[r],
                            .observed = observed});
    }
    return pictures;
}

}  // namespace ratiofarm
