#pragma once

// Random events and layouts for the sums over events.

#include <string>
#include <vector>

#include "core/philox.hpp"
#include "fit/events/region_events.hpp"

namespace ratiofarm::test {

/// What is random about the events.
struct Recipe {
    RegionLayout layout;
    double first_rate = 1.1;  ///< of process 0, in units of its yield
    double spread = 0.3;      ///< of ln g
    bool has_data = true;     ///< weights that are not 0
    double extreme = 0.0;     ///< share of anchors beyond a factor of 20
};

/// Events depend on their number alone. Weights and reference weights have either sign or are 0.
inline EventSet events_of(const Recipe& recipe, Range range, std::uint64_t total) {
    const RegionLayout& layout = recipe.layout;
    EventSet events;
    for (std::size_t j = 0; j < layout.n_processes; ++j) {
        events.processes.push_back("p" + std::to_string(j));
    }
    for (const ShapeIndex& column : layout.columns) {
        events.shapes.push_back(
            {events.processes[column.process], "a" + std::to_string(column.parameter)});
    }
    events.offset = range.first;
    events.total = total;
    const std::size_t n = range.size();
    events.log_g.resize(2 * layout.columns.size() * n);
    for (std::size_t i = 0; i < n; ++i) {
        PhiloxSequence random(20261122, range.first + i);
        const double kind = random.uniform();
        const double size = 2.0 * random.uniform();
        // Blocks of events that carry only one kind of weight, and mixed ones.
        const std::uint64_t block = (range.first + i) / 64 % 4;
        const double data = kind < 0.2 ? -0.3 : (kind < 0.3 ? 0.0 : size);
        events.weight.push_back(recipe.has_data && block != 1 ? data : 0.0);
        events.reference.push_back(block == 2 ? 0.0 : (kind > 0.8 ? -0.1 : kind));
        for (std::size_t j = 0; j < layout.n_processes; ++j) {
            events.log_r.push_back(0.6 * random.normal());
        }
        for (std::size_t c = 0; c < 2 * layout.columns.size(); ++c) {
            const bool extreme = random.uniform() < recipe.extreme;
            const double log_g = recipe.spread * random.normal();
            events.log_g[c * n + i] =
                static_cast<float>(extreme ? (log_g > 0.0 ? 3.5 : -3.5) : log_g);
        }
    }
    return events;
}

inline EventSource source_of(const Recipe& recipe, std::uint64_t n) {
    const EventSet none = events_of(recipe, {0, 0}, n);
    return {none.processes, none.shapes, n,
            [recipe, n](Range range) { return events_of(recipe, range, n); }};
}

inline constexpr Interpolation codes[] = {Interpolation::code0,  Interpolation::code1,
                                          Interpolation::code2,  Interpolation::code4,
                                          Interpolation::code4p, Interpolation::exp_quadratic};

/// Processes 0 and 2 share their parameters, process 1 has none, the others some; columns are not
/// in order and have every code.
inline Recipe sparse_recipe() {
    Recipe recipe;
    recipe.layout.n_processes = 5;
    recipe.layout.n_shape_parameters = 19;
    recipe.layout.yields = {40.0, 65.0, 90.0, 115.0, 140.0};
    for (std::size_t m = 19; m-- > 0;) {
        for (const std::size_t j : {4, 0, 3, 2}) {
            if (j == 3 && m % 3 != 1) continue;
            if (j == 4 && m < 2) continue;
            recipe.layout.columns.push_back({j, m, codes[(m + j) % 6]});
        }
    }
    return recipe;
}

/// Every pair has a shape, all of the default code.
inline Recipe dense_recipe(std::size_t n_processes, std::size_t n_parameters) {
    Recipe recipe;
    recipe.layout.n_processes = n_processes;
    recipe.layout.n_shape_parameters = n_parameters;
    for (std::size_t j = 0; j < n_processes; ++j) {
        recipe.layout.yields.push_back(50.0 + 10.0 * static_cast<double>(j));
        for (std::size_t m = 0; m < n_parameters; ++m) recipe.layout.columns.push_back({j, m});
    }
    return recipe;
}

inline std::vector<double> rates_of(const Recipe& recipe) {
    std::vector<double> rates = recipe.layout.yields;
    for (std::size_t j = 0; j < rates.size(); ++j) {
        const double factors[] = {recipe.first_rate, -0.4, 0.8, 0.0, 1.3};
        rates[j] *= factors[j % 5];
    }
    return rates;
}

/// Inside and outside of the anchors, and on them.
inline std::vector<double> alpha_of(const Recipe& recipe) {
    std::vector<double> alpha;
    const double values[] = {0.3, -0.6, 1.4, 0.0, -1.7, 0.95, -1.0, 1.0, -0.1};
    for (std::size_t m = 0; m < recipe.layout.n_shape_parameters; ++m) {
        alpha.push_back(values[m % 9] + 0.001 * static_cast<double>(m));
    }
    return alpha;
}

}  // namespace ratiofarm::test
