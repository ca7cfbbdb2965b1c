#pragma once

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "model_events.hpp"

namespace ratiofarm::test {

/// The golden model with two nuisance parameters: alpha_1 moves the mean of the signal by 0.2 and
/// its yield by 1.10 / 0.92, alpha_2 the mean of the background by 0.1 and its yield by 1.05 /
/// 0.96. \param parameter 1 or 2  \param alpha +1 or -1
inline ModelDensities varied_model(std::size_t parameter, int alpha) {
    InterferenceModel exact = golden_model;
    if (parameter == 1) {
        exact.signal.mean[0] += 0.2 * alpha;
        exact.signal.yield *= alpha > 0 ? 1.10 : 0.92;
    } else {
        exact.background.mean[0] += 0.1 * alpha;
        exact.background.yield *= alpha > 0 ? 1.05 : 0.96;
    }
    return ModelDensities(exact);
}

/// Which parameters act on which process, in the order of simulated_samples.
inline const std::vector<std::vector<std::size_t>> model_effects{{1}, {2}, {1, 2}};

inline std::string alpha_name(std::size_t parameter) {
    return "alpha_" + std::to_string(parameter);
}

inline StatisticalModel systematic_model(ShapeNorm shape_norm) {
    StatisticalModel model = interference_model();
    for (const std::size_t a : {1, 2}) {
        model.parameters.push_back({.name = alpha_name(a),
                                    .start = 0.0,
                                    .low = -5.0,
                                    .high = 5.0,
                                    .constraint = {.kind = Constraint::Kind::gaussian}});
    }
    const ModelDensities nominal(golden_model);
    auto& region = model.unbinned[0];
    region.shape_norm = shape_norm;
    for (std::size_t j = 0; j < region.processes.size(); ++j) {
        const auto yield = [&](const ModelDensities& exact) {
            return exact.yield(simulated_samples[j]);
        };
        for (const std::size_t a : model_effects[j]) {
            region.processes[j].systematics.push_back(
                {.parameter = alpha_name(a),
                 .yield = Anchors{yield(varied_model(a, 1)) / yield(nominal),
                                  yield(varied_model(a, -1)) / yield(nominal)},
                 .shape = true});
        }
    }
    return model;
}

/// Asimov data on a grid with exact ratios r and g; the reference is the background.
inline EventSet systematic_grid(std::size_t n = 4000) {
    EventSet events = grid_events(1.0, n);
    const ModelDensities nominal(golden_model);
    const double step = 28.0 / static_cast<double>(n);
    const auto densities = [&](const ModelDensities& exact) {
        std::vector<std::array<double, 3>> all;
        for (std::size_t i = 0; i < n; ++i) {
            all.push_back(
                exact.log_densities(std::array{-14.0 + step * (static_cast<double>(i) + 0.5)}));
        }
        return all;
    };
    const auto at_nominal = densities(nominal);
    for (const auto& log_p : at_nominal) events.reference.push_back(step * std::exp(log_p[1]));
    for (std::size_t j = 0; j < model_effects.size(); ++j) {
        for (const std::size_t a : model_effects[j]) {
            events.shapes.push_back({events.processes[j], alpha_name(a)});
            for (const int alpha : {1, -1}) {
                const auto at = densities(varied_model(a, alpha));
                for (std::size_t i = 0; i < n; ++i) {
                    events.log_g.push_back(static_cast<float>(at[i][j] - at_nominal[i][j]));
                }
            }
        }
    }
    return events;
}

}  // namespace ratiofarm::test
