#pragma once

#include <nlohmann/json.hpp>

#include "fit_problem.hpp"

namespace ratiofarm::bench {

/// Toys of an experiment of `expected` events, thrown from the problem's events at its truth.
struct ToysProblem {
    FitProblem list;
    double expected = 1e4;
    std::uint64_t toys = 20;
};

/// Processor seconds of throwing and of fitting, one toy after the other, with ln Z exact along
/// each parameter, and what the toys are, with their minima where ln Z is the parabola "log_z":
/// {"thrown", "fitted": seconds a toy, "converged", "scale" of the yields, "log_z" of the
/// expansion, "toys": [{"rows", "times", "observed", "values", "errors"}]}
nlohmann::json measure_toys(const ToysProblem& problem);

}  // namespace ratiofarm::bench
