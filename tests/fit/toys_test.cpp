// Toys against the distributions that they must have.

#include "ratiofarm/fit/toys.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm_test/catch.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

std::shared_ptr<const EventSet> shared(EventSet events) {
    return std::make_shared<const EventSet>(std::move(events));
}

/// Toys of a model with one unbinned region from a weighted list.
ToySetup mixture_setup(StatisticalModel model,
                       const std::shared_ptr<const EventSet>& events,
                       std::vector<double> truth) {
    return {.model = std::move(model),
            .truth = std::move(truth),
            .test = 1.0,
            .seed = 11,
            .unbinned = {{.sources = {{.events = events, .weights = events->weight}}}},
            .binned = {}};
}

/// The golden toy with k times its luminosity.
ToySetup luminous_setup(double k) {
    StatisticalModel model = test::interference_model();
    for (auto& process : model.unbinned[0].processes) process.yield *= k;
    EventSet events = test::grid_events(1.0, 400);
    for (double& weight : events.weight) weight *= k;
    return mixture_setup(model, shared(std::move(events)), {1.0});
}

struct Moments {
    double mean = 0.0;
    double width = 0.0;
    double n = 0.0;

    template <class List, class Pick>
    Moments(const List& list, const Pick& pick) : n(static_cast<double>(list.size())) {
        for (const auto& entry : list) mean += pick(entry) / n;
        for (const auto& entry : list) width += (pick(entry) - mean) * (pick(entry) - mean) / n;
        width = std::sqrt(width);
    }
    double mean_error() const { return width / std::sqrt(n); }
    double width_error() const { return width / std::sqrt(2.0 * n); }
};

std::vector<ToyOutcome> all_outcomes(const ToyExperiment& toys) {
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t k = toys.toys().first; k < toys.toys().last; ++k) {
        outcomes.push_back(toys.run(k));
    }
    return outcomes;
}

/// The golden toy with systematics and k times its luminosity.
StatisticalModel luminous_model(ShapeNorm shape_norm, double k) {
    StatisticalModel model = test::systematic_model(shape_norm);
    for (auto& process : model.unbinned[0].processes) process.yield *= k;
    return model;
}

/// Exact ratios and shapes on a grid, with the weights of the truth.
struct SystematicList {
    double k = 1.0;
    EventSet grid = test::systematic_grid(400);
    StatisticalModel exact = luminous_model(ShapeNorm::reference, k);
    LikelihoodData data = test::data_of(grid);
    Likelihood likelihood{exact, data, test::one_rank};

    ToySetup setup(const std::vector<double>& truth) {
        const auto u = likelihood.coordinates().to_internal(truth);
        const ExpectedData expected = likelihood.expected_data(data, u);
        const EventSet weighted = expected.data.unbinned[0].read({0, grid.total});
        ToySetup setup =
            mixture_setup(luminous_model(ShapeNorm::reference_quadratic, k), shared(grid), truth);
        setup.unbinned[0].sources[0].weights = weighted.weight;
        setup.unbinned[0].expansion =
            std::make_shared<const NormalisationExpansion>(likelihood.expansions(u)[0]);
        return setup;
    }
};

}  // namespace

TEST_CASE("a toy depends on its number, truth and seed alone", "[fit][toys]") {
    ToySetup setup = luminous_setup(1.0);
    const ToyExperiment all(setup, {0, 10});
    const ToyExperiment one(setup, {7, 8});

    CHECK(all.run(7) == one.run(7));
    CHECK(all.thrown(7).unbinned == one.thrown(7).unbinned);
    CHECK(all.thrown(6).unbinned != one.thrown(7).unbinned);
    setup.seed += 1;
    CHECK(ToyExperiment(setup, {7, 8}).thrown(7).unbinned != one.thrown(7).unbinned);
}

TEST_CASE("a toy holds whole rows of the list", "[fit][toys]") {
    StatisticalModel model = test::systematic_model(ShapeNorm::none);
    EventSet events = test::systematic_grid(40);
    for (std::size_t i = 0; i < 40; ++i) {
        events.weight[i] = static_cast<double>(i % 5);
        for (std::size_t j = 0; j < 3; ++j) {
            events.log_r[3 * i + j] = static_cast<double>(i) + 0.1 * static_cast<double>(j);
        }
        for (std::size_t c = 0; c < 8; ++c) {
            events.log_g[c * 40 + i] = static_cast<float>(1000 * c + i);
        }
    }
    const auto list = shared(std::move(events));
    const ToyExperiment toys(mixture_setup(model, list, {1.0, 0.0, 0.0}), {0, 1});

    const EventSet toy = toys.thrown(0).unbinned[0];

    REQUIRE(toy.size() > 20);
    CHECK(toy.total == toy.size());
    for (std::size_t i = 0; i < toy.size(); ++i) {
        const double row = toy.log_r[3 * i];
        CHECK(static_cast<int>(row) % 5 != 0);
        CHECK(toy.log_r[3 * i + 2] == Approx(row + 0.2));
        for (std::size_t c = 0; c < 8; ++c) {
            CHECK(toy.log_g[c * toy.size() + i] == Approx(1000.0 * static_cast<double>(c) + row));
        }
    }
}

TEST_CASE("with many events the estimate has the Fisher error and t is a chi-square",
          "[fit][toys]") {
    constexpr double k = 100.0;
    const ToyExperiment toys(luminous_setup(k), {0, 400});

    const auto outcomes = all_outcomes(toys);

    const double fisher = 0.4775850153 / std::sqrt(k);
    const Moments mu(outcomes, [](const ToyOutcome& toy) { return toy.value[0]; });
    CHECK(std::abs(mu.mean - 1.0) < 4.0 * mu.mean_error() + 0.01 * fisher);
    CHECK(std::abs(mu.width - fisher) < 4.0 * mu.width_error() + 0.01 * fisher);
    const Moments pull(outcomes,
                       [](const auto& toy) { return (toy.value[0] - 1.0) / toy.error[0]; });
    CHECK(std::abs(pull.width - 1.0) < 4.0 * pull.width_error());
    std::vector<double> t;
    for (const ToyOutcome& toy : outcomes) {
        CHECK(toy.converged);
        t.push_back(toy.statistics[0]);
    }
    std::sort(t.begin(), t.end());
    for (const auto& [level, quantile] : {std::pair{0.6827, 1.0}, {0.95, 3.8415}}) {
        const Threshold threshold = threshold_of(t, level);
        CAPTURE(level, threshold.value, threshold.error);
        CHECK(std::abs(threshold.value - quantile) < 4.0 * threshold.error);
        CHECK(threshold.error < 0.6);
    }
}

TEST_CASE("global observables are thrown around the truth and pulls are standard normal",
          "[fit][toys]") {
    SystematicList list{.k = 30.0};  // pulls of few events are biased, as the likelihood is
    const ToyExperiment toys(list.setup({1.0, 0.7, -0.4}), {0, 400});

    std::vector<double> observed;
    for (std::uint64_t k = 0; k < 400; ++k) observed.push_back(toys.thrown(k).observed[1]);
    const auto outcomes = all_outcomes(toys);

    const Moments thrown(observed, [](double value) { return value; });
    CHECK(std::abs(thrown.mean - 0.7) < 4.0 * thrown.mean_error());
    CHECK(std::abs(thrown.width - 1.0) < 4.0 * thrown.width_error());
    for (const std::size_t a : {1, 2}) {
        const double truth = a == 1 ? 0.7 : -0.4;
        const Moments pull(outcomes,
                           [&](const auto& toy) { return (toy.value[a] - truth) / toy.error[a]; });
        CAPTURE(a, pull.mean, pull.width);
        CHECK(std::abs(pull.mean) < 4.0 * pull.mean_error());
        CHECK(std::abs(pull.width - 1.0) < 4.0 * pull.width_error());
    }
}

TEST_CASE("with a given expansion a toy needs no reference events", "[fit][toys]") {
    SystematicList list;
    const ToySetup setup = list.setup({1.0, 0.0, 0.0});
    const Toy toy = ToyExperiment(setup, {0, 1}).thrown(0);
    // The same data with the whole reference beside them.
    ToySetup whole = setup;
    whole.model = list.exact;
    whole.unbinned[0].reference = setup.unbinned[0].sources[0].events;
    const Toy beside = ToyExperiment(whole, {0, 1}).thrown(0);
    CHECK(beside.unbinned[0].size() == toy.unbinned[0].size() + 400);
    const LikelihoodData large{{source_of(beside.unbinned[0])}, {}, {}};
    auto parabola = std::make_shared<NormalisationExpansion>(*setup.unbinned[0].expansion);
    parabola->axes.clear();
    const LikelihoodData small{{source_of(toy.unbinned[0])}, {}, {setup.unbinned[0].expansion}};
    const LikelihoodData smallest{{source_of(toy.unbinned[0])}, {}, {parabola}};
    const Likelihood with_axes(setup.model, small, test::one_rank);
    const Likelihood given(setup.model, smallest, test::one_rank);
    const Likelihood own(setup.model, large, test::one_rank);
    const Likelihood exact(list.exact, large, test::one_rank);

    const std::vector<double> u{1.1, 0.8, -0.6};
    const Evaluation by_given = given.evaluate(u);
    const Evaluation by_own = own.evaluate(u);

    CHECK(by_given.nll == Approx(by_own.nll).epsilon(1e-12));
    for (std::size_t i = 0; i < 9; ++i) {
        CHECK(by_given.hessian[i] == Approx(by_own.hessian[i]).epsilon(1e-10).margin(1e-10));
    }
    CHECK(given.normalisations(u).empty());
    // Along one parameter the axes are exact, between knots as well.
    for (const std::vector<double>& on_axis :
         {std::vector{1.1, 0.8, 0.0}, {0.7, -2.3, 0.0}, {2.0, 0.0, 1.0}, {1.0, 0.0, -4.9}}) {
        const Evaluation by_axes = with_axes.evaluate(on_axis);
        const Evaluation by_sums = exact.evaluate(on_axis);
        CHECK(by_axes.nll == Approx(by_sums.nll).margin(1e-4));
        for (std::size_t a = 0; a < 3; ++a) {
            CHECK(by_axes.gradient[a] == Approx(by_sums.gradient[a]).margin(2e-2));
        }
    }
    CHECK(std::abs(by_own.nll - exact.evaluate(u).nll) > 0.2);
    CHECK(std::abs(with_axes.evaluate(u).nll - exact.evaluate(u).nll) < 0.02);
    // The fits end at the same place.
    const ToyOutcome quick = ToyExperiment(setup, {0, 1}).fitted(toy, 0);
    const ToyOutcome full = ToyExperiment(whole, {0, 1}).fitted(beside, 0);
    REQUIRE(full.converged);
    CHECK(quick.value[0] == Approx(full.value[0]).margin(0.05 * full.error[0]));
    CHECK(quick.statistics[0] == Approx(full.statistics[0]).margin(0.05));
    CHECK(quick.events == full.events);
}

TEST_CASE("bins and counting constraints are thrown as Poisson numbers", "[fit][toys]") {
    const std::vector<std::string> names{"mu", "gamma"};
    StatisticalModel model;
    model.parameters = {
        {.name = "mu", .low = -5.0},
        {.name = "gamma", .low = 0.1, .constraint = {Constraint::Kind::poisson, 1.0, 0.1}}};
    model.parameter_of_interest = "mu";
    BinnedRegion region{.name = "CR", .samples = {}};
    region.samples.push_back(
        {.name = "s", .contents = {10.0, 2.0}, .coefficient = Coefficient::parse("mu", names)});
    region.samples.push_back(
        {.name = "b", .contents = {40.0, 50.0}, .coefficient = Coefficient::parse("gamma", names)});
    model.binned.push_back(region);
    const ToyExperiment toys({.model = model,
                              .truth = {1.0, 1.2},
                              .test = 1.0,
                              .unbinned = {},
                              .binned = {{58.0, 62.0}}},
                             {0, 2000});

    std::vector<Toy> thrown;
    for (std::uint64_t k = 0; k < 2000; ++k) thrown.push_back(toys.thrown(k));

    const Moments bin(thrown, [](const Toy& toy) { return toy.binned[0][1]; });
    CHECK(std::abs(bin.mean - 62.0) < 4.0 * bin.mean_error());
    CHECK(std::abs(bin.width - std::sqrt(62.0)) < 4.0 * bin.width_error());
    // 100 counts are expected at gamma = 1, 120 at the truth.
    const Moments counts(thrown, [](const Toy& toy) { return 100.0 * toy.observed[1]; });
    CHECK(std::abs(counts.mean - 120.0) < 4.0 * counts.mean_error());
    CHECK(std::abs(counts.width - std::sqrt(120.0)) < 4.0 * counts.width_error());
    CHECK(std::abs(counts.mean - std::round(counts.mean * 2000) / 2000) < 1e-6);
    const ToyOutcome fitted = toys.run(3);
    CHECK(fitted.converged);
    // Two bins and a count for two parameters: mu from the first bin mostly.
    CHECK(fitted.error[0] == Approx(0.1 * std::sqrt(58.0)).epsilon(0.5));
}

TEST_CASE("a truth or a test outside the range is refused", "[fit][toys]") {
    ToySetup setup = luminous_setup(1.0);
    setup.truth = {11.0};
    CHECK_THROWS_AS(ToyExperiment(setup, {0, 1}), ConfigError);
    setup.truth = {1.0};
    setup.test = -0.5;
    CHECK_THROWS_AS(ToyExperiment(setup, {0, 1}), ConfigError);
}
