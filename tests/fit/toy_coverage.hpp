#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "ratiofarm/fit/toys.hpp"

#include "model_events.hpp"

namespace ratiofarm::test {

/// Toys of the golden model at one mu, drawn from the exact density by thinning: mu S + B events,
/// each kept with probability lambda / (mu S + B), which is at most one since the interference is
/// destructive. Knows nothing of weighted lists; exact ratios to p_B.
class ExactToys {
public:
    explicit ExactToys(double mu)
        : mu_(mu),
          densities_(golden_model),
          list_(std::make_shared<EventSet>(grid_events(mu, 64))),
          experiment_({.model = interference_model(),
                       .truth = {mu},
                       .test = mu,
                       .unbinned = {{.sources = {{.events = list_, .weights = list_->weight}}}},
                       .binned = {}},
                      {0, 1}) {}

    ToyOutcome run(std::uint64_t seed, std::uint64_t toy) const {
        return experiment_.fitted({{events(seed, toy)}, {}, {0.0}}, toy);
    }

private:
    EventSet events(std::uint64_t seed, std::uint64_t toy) const {
        PhiloxSequence random(mix64(seed ^ mix64(static_cast<std::uint64_t>(1e6 * mu_))), toy);
        EventSet events;
        events.processes = {"S", "B", "SBI"};
        const double signal = mu_ * golden_model.signal.yield;
        const double all = signal + golden_model.background.yield;
        // Arrivals of a Poisson process of unit rate: their number until `all` is Poisson(all).
        for (double time = -std::log1p(-random.uniform()); time < all;
             time -= std::log1p(-random.uniform())) {
            const bool is_signal = random.uniform() * all < signal;
            const std::array x{is_signal ? 1.5 + random.normal() : 1.5 * random.normal()};
            const auto log_p = densities_.log_densities(x);
            const double without =
                signal * std::exp(log_p[0]) + golden_model.background.yield * std::exp(log_p[1]);
            if (random.uniform() * without >= densities_.rate(x, mu_)) continue;
            events.weight.push_back(1.0);
            for (const double value : log_p) events.log_r.push_back(value - log_p[1]);
        }
        events.total = events.weight.size();
        return events;
    }

    double mu_;
    ModelDensities densities_;
    std::shared_ptr<const EventSet> list_;
    ToyExperiment experiment_;
};

/// t at the truth of toys that converged, ascending.
inline std::vector<double> sorted_t(double mu, std::uint64_t seed, std::uint64_t n) {
    const ExactToys toys(mu);
    std::vector<double> t;
    for (std::uint64_t toy = 0; toy < n; ++toy) {
        const ToyOutcome outcome = toys.run(seed, toy);
        if (outcome.converged) t.push_back(outcome.statistics[0]);
    }
    std::sort(t.begin(), t.end());
    return t;
}

}  // namespace ratiofarm::test
