#include "profile.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

SearchSpace search_space(const Likelihood& likelihood) {
    const auto low = likelihood.coordinates().low();
    const auto high = likelihood.coordinates().high();
    SearchSpace space{{low.begin(), low.end()}, {high.begin(), high.end()}, {}};
    for (const auto& parameter : likelihood.model().parameters) {
        space.held.push_back(parameter.fixed);
    }
    return space;
}

Profile::Profile(const Likelihood& likelihood, const FitResult& result)
    : likelihood_(likelihood),
      space_(search_space(likelihood)),
      poi_(parameter_index(likelihood.model(), likelihood.model().parameter_of_interest)),
      best_nll_(result.nll) {
    RATIOFARM_EXPECT(!result.minima.empty());
    space_.held[poi_] = true;
    nothing_else_free_ =
        std::all_of(space_.held.begin(), space_.held.end(), [](bool h) { return h; });
    for (const auto& minimum : result.minima) {
        minima_.push_back(likelihood.coordinates().to_internal(minimum.parameters));
    }
}

NewtonResult Profile::at(double internal_poi, const std::vector<double>& near) const {
    const auto objective = [this](std::span<const double> u) { return likelihood_.evaluate(u); };
    const auto from = [&](std::vector<double> start) {
        start[poi_] = internal_poi;
        return minimise(objective, space_, std::move(start), {});
    };
    NewtonResult best = from(near);
    if (nothing_else_free_) return best;
    for (std::size_t k = 1; k < minima_.size(); ++k) {
        NewtonResult other = from(minima_[k]);
        if (other.converged && other.at.nll < best.at.nll) best = std::move(other);
    }
    return best;
}

}  // namespace ratiofarm
