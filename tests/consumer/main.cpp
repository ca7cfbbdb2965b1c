// A counting experiment through the public headers: n events of one process with a yield nu give
// mu = n / nu with the error sqrt(n) / nu.

#include <cmath>
#include <cstdio>

#include "ratiofarm/fit/fit.hpp"

int main() {
    const double n = 400.0;
    const double nu = 100.0;
    ratiofarm::StatisticalModel model;
    model.parameters = {{.name = "mu", .start = 1.0, .low = 0.0, .high = 10.0}};
    model.unbinned = {
        {.name = "SR",
         .processes = {
             {.name = "S", .yield = nu, .coefficient = {.terms = {{1.0, {{"mu", 1.0}}}}}}}}};
    model.parameter_of_interest = "mu";
    ratiofarm::EventSet events;
    events.processes = {"S"};
    events.weight.assign(400, 1.0);
    events.log_r.assign(400, 0.0);
    events.total = 400;

    const ratiofarm::mpi::Communicator alone;
    const ratiofarm::Likelihood likelihood(model, {{ratiofarm::source_of(events)}, {}}, alone);
    const auto result = ratiofarm::fit(likelihood, {}, ratiofarm::Log());

    const auto& mu = result.parameters.at(0);
    std::printf("mu = %.6f +- %.6f\n", mu.value, mu.error);
    const bool right = std::abs(mu.value - n / nu) < 1e-6 &&
                       std::abs(mu.error - std::sqrt(n) / nu) < 1e-6 && result.converged;
    return right ? 0 : 1;
}
