#include "simulation/interference_model.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

const InterferenceModel model_1d{{100.0, {1.5}, {{1.0}}}, {900.0, {0.0}, {{2.25}}}, -0.6};
const InterferenceModel model_3d{
    {100.0, {1.0, 0.5, -0.5}, {{1.0, 0.3, 0.0}, {0.3, 1.2, -0.2}, {0.0, -0.2, 0.8}}},
    {900.0, {0.0, 0.0, 0.0}, {{2.0, 0.0, 0.1}, {0.0, 1.5, 0.0}, {0.1, 0.0, 1.0}}},
    -0.6};

/// Midpoint rule over [-15, 15], where everything of the 1-D model lives.
template <class Function>
double integral(const Function& f) {
    const int n = 6000;
    const double step = 30.0 / n;
    double sum = 0.0;
    for (int i = 0; i < n; ++i) sum += step * f(-15.0 + (i + 0.5) * step);
    return sum;
}

}  // namespace

TEST_CASE("the yields of the one-dimensional model are the published ones", "[physics]") {
    const ModelDensities model(model_1d);

    CHECK(model.overlap() == Approx(0.8080767180).margin(1e-10));
    CHECK(model.interference_yield() == Approx(-290.9076184901).margin(1e-9));
    CHECK(model.yield(SimulatedSample::combined) == Approx(709.0923815100).margin(1e-9));
    CHECK(model.yield(SimulatedSample::signal) == 100.0);
    CHECK(model.yield(SimulatedSample::background) == 900.0);
}

TEST_CASE("the closed-form yields are the integrals of the densities", "[physics]") {
    const ModelDensities model(model_1d);
    for (const double mu : {0.0, 0.25, 1.0, 3.0}) {
        const double nu = mu * 100.0 + std::sqrt(mu) * model.interference_yield() + 900.0;
        CHECK(integral([&](double x) { return model.rate(std::array{x}, mu); }) ==
              Approx(nu).epsilon(1e-12));
    }
    for (std::size_t k = 0; k < 3; ++k) {
        CHECK(integral([&](double x) { return std::exp(model.log_densities(std::array{x})[k]); }) ==
              Approx(1.0).epsilon(1e-12));
    }
}

TEST_CASE("the overlap of uncorrelated features is the product of theirs", "[physics]") {
    const InterferenceModel wide{{1.0, {1.5, 0.3}, {{1.0, 0.0}, {0.0, 0.7}}},
                                 {1.0, {0.0, 0.0}, {{2.25, 0.0}, {0.0, 1.9}}},
                                 0.5};
    const InterferenceModel second{{1.0, {0.3}, {{0.7}}}, {1.0, {0.0}, {{1.9}}}, 0.5};

    CHECK(ModelDensities(wide).overlap() ==
          Approx(ModelDensities(model_1d).overlap() * ModelDensities(second).overlap())
              .epsilon(1e-14));
}

TEST_CASE("the three samples span the rate at every mu", "[physics]") {
    const ModelDensities model(model_3d);
    for (const double mu : {0.0, 0.4, 1.0, 2.5}) {
        for (const std::array<double, 3>& x :
             {std::array{0.0, 0.0, 0.0}, {1.0, -0.7, 0.2}, {-3.0, 2.0, 1.0}}) {
            const auto log_p = model.log_densities(x);
            const double root = std::sqrt(mu);
            const double mixture =
                (mu - root) * 100.0 * std::exp(log_p[0]) +
                (1.0 - root) * 900.0 * std::exp(log_p[1]) +
                root * model.yield(SimulatedSample::combined) * std::exp(log_p[2]);
            CHECK(mixture == Approx(model.rate(x, mu)).epsilon(1e-12));
        }
    }
}

TEST_CASE("densities stay finite far out in the tails", "[physics]") {
    const auto log_p = ModelDensities(model_1d).log_densities(std::array{200.0});
    for (const double value : log_p) CHECK(std::isfinite(value));
}

TEST_CASE("an event depends on seed, sample and number alone", "[physics]") {
    const ModelDensities model(model_3d);
    for (const SimulatedSample sample : simulated_samples) {
        const auto whole = simulate(model, sample, {0, 100}, 100, 7);
        const auto head = simulate(model, sample, {0, 33}, 100, 7);
        const auto tail = simulate(model, sample, {33, 100}, 100, 7);

        auto joined = head.features;
        joined.insert(joined.end(), tail.features.begin(), tail.features.end());
        CHECK(joined == whole.features);
        CHECK(tail.id.front() == whole.id[33]);
        CHECK(simulate(model, sample, {0, 100}, 100, 8).features != whole.features);
    }
}

TEST_CASE("ids are unique over the samples and weights add up to the yield", "[physics]") {
    const ModelDensities model(model_1d);
    std::set<std::uint64_t> ids;
    for (const SimulatedSample sample : simulated_samples) {
        const auto events = simulate(model, sample, {0, 500}, 500, 1);
        ids.insert(events.id.begin(), events.id.end());
        double sum = 0.0;
        for (const double w : events.weight) sum += w;
        CHECK(sum == Approx(model.yield(sample)));
    }
    CHECK(ids.size() == 1500);
}

TEST_CASE("stored densities belong to the features as stored", "[physics]") {
    const ModelDensities model(model_3d);
    const auto events = simulate(model, SimulatedSample::combined, {0, 50}, 50, 3);
    for (std::size_t i = 0; i < 50; ++i) {
        std::vector<double> x(3);
        for (std::size_t k = 0; k < 3; ++k) x[k] = events.features[i * 3 + k];
        const auto expected = model.log_densities(x);
        for (std::size_t k = 0; k < 3; ++k) CHECK(events.log_densities[i * 3 + k] == expected[k]);
    }
}

TEST_CASE("simulated samples follow their densities", "[physics]") {
    const ModelDensities model(model_1d);
    const std::size_t n = 40000;
    const int n_bins = 30;
    const double low = -4.0;
    const double width = 9.0 / n_bins;
    for (std::size_t k = 0; k < 3; ++k) {
        const auto events = simulate(model, simulated_samples[k], {0, n}, n, 11);
        std::vector<double> counts(n_bins);
        for (const float x : events.features) {
            const double bin = std::floor((static_cast<double>(x) - low) / width);
            if (bin >= 0.0 && bin < n_bins) counts[static_cast<std::size_t>(bin)] += 1.0;
        }
        double chi_square = 0.0;
        for (int b = 0; b < n_bins; ++b) {
            double expected = 0.0;
            for (int s = 0; s < 100; ++s) {
                const double x = low + (b + (s + 0.5) / 100.0) * width;
                expected += 0.01 * width * n * std::exp(model.log_densities(std::array{x})[k]);
            }
            const double pull = counts[static_cast<std::size_t>(b)] - expected;
            chi_square += pull * pull / expected;
        }
        CHECK(chi_square < n_bins + 5.0 * std::sqrt(2.0 * n_bins));
        CHECK(chi_square > n_bins - 5.0 * std::sqrt(2.0 * n_bins));
    }
}

TEST_CASE("correlated features have the covariance that was asked for", "[physics]") {
    const ModelDensities model(model_3d);
    const std::size_t n = 40000;
    const auto events = simulate(model, SimulatedSample::signal, {0, n}, n, 5);
    for (std::size_t a = 0; a < 3; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
            double sum = 0.0;
            for (std::size_t i = 0; i < n; ++i) {
                sum += (events.features[i * 3 + a] - model_3d.signal.mean[a]) *
                       (events.features[i * 3 + b] - model_3d.signal.mean[b]);
            }
            CHECK(sum / static_cast<double>(n) ==
                  Approx(model_3d.signal.covariance[a][b]).margin(0.04));
        }
    }
}

TEST_CASE("every mistake of a toy is reported at once", "[physics]") {
    InterferenceModel model = model_3d;
    model.signal.yield = -1.0;
    model.interference = 1.5;
    model.background.covariance[0][0] = -2.0;

    CHECK(model_mistakes(model).size() == 3);
    CHECK_THROWS_AS(ModelDensities(model), ConfigError);
    model.signal.mean.pop_back();
    CHECK(model_mistakes(model).size() == 5);
}
