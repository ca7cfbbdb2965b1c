#include "ratiofarm/fit/asimov.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

/// Events of one simulated sample with exact ratios to p_B.
void append_sample(EventSet& to, SimulatedSample sample, std::uint64_t n, double factor) {
    const ModelDensities exact(test::golden_model);
    const auto events = simulate(exact, sample, {0, n}, n, 3);
    std::vector<float> log_r;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            log_r.push_back(static_cast<float>(events.log_densities[i * 3 + j] -
                                               events.log_densities[i * 3 + 1]));
        }
    }
    append_events(to, events.weight, log_r, factor, {"sample", 0, 0});
}

}  // namespace

TEST_CASE("sample factors bring each sample to its signed rate", "[fit]") {
    const StatisticalModel model = test::interference_model();
    const std::vector<double> sums{50.0, 1800.0, 700.0};

    const auto factors = asimov_sample_factors(model, model.unbinned[0], std::vector{4.0}, sums);

    CHECK(factors[0] * sums[0] == Approx(2.0 * 100.0));
    CHECK(factors[1] * sums[1] == Approx(-1.0 * 900.0));
    CHECK(factors[2] * sums[2] == Approx(2.0 * model.unbinned[0].processes[2].yield));
}

TEST_CASE("a process without rate needs no events", "[fit]") {
    const StatisticalModel model = test::interference_model();
    const std::vector<double> sums{0.0, 0.0, 700.0};

    const auto factors = asimov_sample_factors(model, model.unbinned[0], std::vector{1.0}, sums);

    CHECK(factors[0] == 0.0);
    CHECK(factors[1] == 0.0);
    CHECK_THROWS_AS(asimov_sample_factors(model, model.unbinned[0], std::vector{2.0}, sums),
                    DataError);
}

TEST_CASE("Asimov data from the reference close where it was made", "[fit]") {
    const StatisticalModel model = test::interference_model();
    EventSet reference = test::grid_events(0.0);  // B itself: the ratios are to p_B
    double sum = 0.0;
    for (const double w : reference.weight) sum += w;

    for (const double truth : {0.5, 1.0, 2.5}) {
        const EventSet data =
            asimov_from_reference(model, model.unbinned[0], std::vector{truth}, reference, sum);
        const FitResult result =
            fit(Likelihood(model, test::data_of(data), test::one_rank), {}, {});
        CHECK(result.parameters[0].value == Approx(truth).epsilon(1e-6));
    }
}

TEST_CASE("Asimov data from signed samples recover the truth within their statistics", "[fit]") {
    const StatisticalModel model = test::interference_model();
    const double truth = 2.0;
    const ModelDensities exact(test::golden_model);
    std::vector<double> sums;
    for (const SimulatedSample sample : simulated_samples) sums.push_back(exact.yield(sample));
    const auto factors = asimov_sample_factors(model, model.unbinned[0], std::vector{truth}, sums);
    EventSet data;
    data.processes = {"S", "B", "SBI"};
    for (std::size_t j = 0; j < 3; ++j)
        append_sample(data, simulated_samples[j], 60000, factors[j]);
    data.total = data.size();

    const FitResult result = fit(Likelihood(model, test::data_of(data), test::one_rank), {}, {});

    CHECK(result.converged);
    CHECK(result.guards.non_positive_mixture == 0);
    CHECK(result.parameters[0].value == Approx(truth).margin(0.15));
}

TEST_CASE("data carry weight one", "[fit]") {
    EventSet events = test::random_events(test::interference_model(), 10);

    CHECK(unweighted(events).weight == std::vector<double>(10, 1.0));
    CHECK(unweighted(events).log_r == events.log_r);
}
