#pragma once

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

#include "core/philox.hpp"
#include "simulation/interference_model.hpp"

namespace ratiofarm::test {

/// One rank without MPI.
inline const mpi::Communicator one_rank;

/// The one-dimensional model whose golden numbers the tests quote.
inline const InterferenceModel golden_model{
    {100.0, {1.5}, {{1.0}}}, {900.0, {0.0}, {{2.25}}}, -0.6};

/// lambda = (mu - sqrt mu) S + (1 - sqrt mu) B + sqrt mu SBI, in the order of simulated_samples.
inline StatisticalModel interference_model(double start = 1.0) {
    const ModelDensities exact(golden_model);
    const std::vector<std::string> names{"mu"};
    const auto process = [&](SimulatedSample sample, std::string_view coefficient) {
        return ProcessModel{std::string(simulated_sample_name(sample)),
                            exact.yield(sample),
                            Coefficient::parse(coefficient, names),
                            {}};
    };
    return {{{.name = "mu", .start = start}},
            {{"SR",
              {process(SimulatedSample::signal, "mu - sqrt(mu)"),
               process(SimulatedSample::background, "1 - sqrt(mu)"),
               process(SimulatedSample::combined, "sqrt(mu)")}}},
            {},
            "mu"};
}

/// The data of a model with one unbinned region, all of them on this rank.
inline LikelihoodData data_of(EventSet events) { return {{source_of(std::move(events))}, {}}; }

/// Asimov data on a fine grid: each point carries the exact rate at mu. Ratios to p_B.
inline EventSet grid_events(double mu = 1.0, std::size_t n = 4000) {
    const ModelDensities exact(golden_model);
    EventSet events;
    events.processes = {"S", "B", "SBI"};
    events.total = n;
    const double step = 28.0 / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
        const std::array x{-14.0 + step * (static_cast<double>(i) + 0.5)};
        events.weight.push_back(step * exact.rate(x, mu));
        const auto log_p = exact.log_densities(x);
        for (const double value : log_p) events.log_r.push_back(value - log_p[1]);
    }
    return events;
}

/// One event that stands for all: only the number of events is known.
inline EventSet counting_event(const StatisticalModel& model, double observed) {
    EventSet events;
    for (const auto& process : model.unbinned[0].processes) {
        events.processes.push_back(process.name);
    }
    events.weight = {observed};
    events.log_r.assign(events.processes.size(), 0.0);
    events.total = 1;
    return events;
}

/// Events [offset, offset + n) of a random list of `total`: an event depends on its number alone.
/// Weights are mostly positive, sometimes negative, sometimes zero.
inline EventSet random_events(const StatisticalModel& model, Range range, std::uint64_t total) {
    EventSet events;
    for (const auto& process : model.unbinned[0].processes) {
        events.processes.push_back(process.name);
    }
    events.offset = range.first;
    events.total = total;
    for (std::uint64_t i = range.first; i < range.last; ++i) {
        PhiloxSequence random(20261121, i);
        const double kind = random.uniform();
        events.weight.push_back(kind < 0.05 ? 0.0 : (kind < 0.1 ? -0.3 : 2.0 * random.uniform()));
        for (std::size_t j = 0; j < events.processes.size(); ++j) {
            events.log_r.push_back(0.6 * random.normal());
        }
    }
    return events;
}

inline EventSet random_events(const StatisticalModel& model, std::uint64_t total) {
    return random_events(model, {0, total}, total);
}

/// Two parameters of interest over five processes, one of them with roots and signs.
inline StatisticalModel two_parameter_model() {
    const std::vector<std::string> names{"mu", "beta"};
    StatisticalModel model;
    model.parameters = {{.name = "mu"}, {.name = "beta", .low = 0.1, .high = 4.0}};
    model.unbinned.resize(1);
    auto& processes = model.unbinned[0].processes;
    model.parameter_of_interest = "mu";
    for (const auto* text :
         {"mu - sqrt(mu)", "beta - sqrt(mu)", "sqrt(mu)", "beta", "0.2*mu*beta^2 + 0.5"}) {
        const auto n = static_cast<double>(processes.size());
        processes.push_back({"p" + std::to_string(processes.size()),
                             40.0 + 25.0 * n,
                             Coefficient::parse(text, names),
                             {}});
    }
    return model;
}

}  // namespace ratiofarm::test
