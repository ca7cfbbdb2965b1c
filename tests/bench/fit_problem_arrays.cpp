// The problem of fit_problem.hpp as arrays, for peers in Python (ctypes).

#include <algorithm>
#include <thread>
#include <vector>

#include "fit_problem.hpp"

using ratiofarm::bench::FitProblem;

extern "C" {

/// \param log_r [N, S]  \param up, down [N, S, P], ln g at alpha = +1 and -1  \param weight [N]
void fit_problem_events(
    const FitProblem* problem, double* weight, double* log_r, float* up, float* down) {
    const std::size_t s = problem->processes;
    const std::size_t p = problem->parameters;
    std::vector<ratiofarm::bench::LogShape> shapes;
    for (std::size_t c = 0; c < s * p; ++c) shapes.emplace_back(c / p, c % p);
    const auto fill = [=, &shapes](std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t i = first; i < last; ++i) {
            weight[i] = ratiofarm::bench::weight(*problem, i);
            for (std::size_t j = 0; j < s; ++j) {
                log_r[i * s + j] = ratiofarm::bench::log_r(i, j);
            }
            for (std::size_t c = 0; c < s * p; ++c) {
                const auto g = shapes[c](i);
                up[i * s * p + c] = g.up;
                down[i * s * p + c] = g.down;
            }
        }
    };
    const std::uint64_t half = problem->events / 2;
    std::thread other(fill, 0, half);
    fill(half, problem->events);
    other.join();
}

/// \param yield [S]  \param shift [S, P]  \param observed [P]  \param point [1 + P]
void fit_problem_constants(
    const FitProblem* problem, double* yield, double* shift, double* observed, double* point) {
    for (std::size_t j = 0; j < problem->processes; ++j) {
        yield[j] = ratiofarm::bench::yield(j);
        for (std::size_t m = 0; m < problem->parameters; ++m) {
            shift[j * problem->parameters + m] = ratiofarm::bench::yield_shift(j, m);
        }
    }
    for (std::size_t m = 0; m < problem->parameters; ++m) {
        observed[m] = ratiofarm::bench::observed(m);
    }
    const auto u = ratiofarm::bench::point(*problem, point[0] != 0.0);
    std::copy(u.begin(), u.end(), point);
}
}
