// How the estimate answers to changes of the ratios, against fits with changed ratios.

#include "fit/finite_mc/ratio_response.hpp"

#include <cmath>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "fit/events/changed_events.hpp"
#include "fit/search/local_fit.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

/// Some function of the event, as large as a log-ratio may be.
double wave(std::uint64_t event) { return 5.0 * std::sin(0.01 * static_cast<double>(event)); }

LikelihoodData changed(const EventSet& events, std::size_t process, double size, bool constant) {
    EventSet other = events;
    const std::size_t width = events.processes.size();
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        other.log_r[i * width + process] += size * (constant ? 1.0 : wave(i));
    }
    return test::data_of(std::move(other));
}

/// Two directions: the wave on process 1, and on process 2.
RatioDirections waves() {
    return {{1, 2}, [](Range range) {
                std::vector<float> values;
                for (int d = 0; d < 2; ++d) {
                    for (std::uint64_t i = range.first; i < range.last; ++i) {
                        values.push_back(static_cast<float>(wave(i)));
                    }
                }
                return values;
            }};
}

/// d mu-hat / d size by fits with the change added and taken away.
double gradient_of_fits(const StatisticalModel& model,
                        const EventSet& events,
                        const std::vector<double>& u,
                        std::size_t process,
                        bool constant) {
    constexpr double size = 1e-5;
    const auto fitted = [&](double by) {
        const LikelihoodData data = changed(events, process, by, constant);
        return local_fit(Likelihood(model, data, test::one_rank), u).value;
    };
    return (fitted(size) - fitted(-size)) / (2.0 * size);
}

}  // namespace

TEST_CASE("the response to a direction is the slope of fits along it", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    for (const ShapeNorm norm : {ShapeNorm::none, ShapeNorm::reference}) {
        const StatisticalModel model = test::systematic_model(norm);
        const EventSet events = test::systematic_grid(900);
        const LikelihoodData data = test::data_of(EventSet(events));
        const Likelihood likelihood(model, data, comm);
        const LocalFit best = local_fit(likelihood, std::vector{1.0, 0.0, 0.0});
        REQUIRE(best.converged);

        const RatioResponse response =
            ratio_response(model, data, comm, best.u, std::vector{waves()});

        REQUIRE(response.direction.at(0).size() == 2);
        for (const std::size_t d : {0, 1}) {
            CHECK(response.direction[0][d] ==
                  Approx(gradient_of_fits(model, events, best.u, d + 1, false))
                      .epsilon(1e-4)
                      .margin(1e-3));
        }
        if (norm != ShapeNorm::none) continue;
        for (const std::size_t j : {0, 1, 2}) {
            CHECK(response.constant.at(0).at(j) ==
                  Approx(gradient_of_fits(model, events, best.u, j, true))
                      .epsilon(1e-4)
                      .margin(1e-3));
        }
    }
}

TEST_CASE("more directions than fit into one pass are all answered", "[fit]") {
    const StatisticalModel model = test::systematic_model(ShapeNorm::reference);
    const LikelihoodData data = test::data_of(test::systematic_grid(300));
    const std::vector<double> u{1.0, 0.0, 0.0};
    const RatioDirections two = waves();
    RatioDirections many;
    for (std::size_t d = 0; d < 50; ++d) many.process.push_back(two.process[d % 2]);
    many.read = [&](Range range) {
        const auto pair = two.read(range);
        std::vector<float> values;
        for (int k = 0; k < 25; ++k) values.insert(values.end(), pair.begin(), pair.end());
        return values;
    };

    const auto few = ratio_response(model, data, test::one_rank, u, std::vector{two});
    const auto all = ratio_response(model, data, test::one_rank, u, std::vector{many});

    REQUIRE(all.direction.at(0).size() == 50);
    for (std::size_t d = 0; d < 50; ++d) {
        CHECK(all.direction[0][d] == Approx(few.direction[0][d % 2]).epsilon(1e-9));
    }
}

TEST_CASE("a fit from nearby is the fit", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    const StatisticalModel model = test::systematic_model(ShapeNorm::reference);
    const LikelihoodData data = changed(test::systematic_grid(900), 2, 1e-3, false);
    const Likelihood likelihood(model, data, comm);

    const FitResult whole = fit(likelihood, {}, Log());
    const LocalFit local = local_fit(likelihood, std::vector{1.0, 0.0, 0.0});

    CHECK(local.converged);
    CHECK(local.value == Approx(whole.parameters[0].value).epsilon(1e-7));
    CHECK(local.error == Approx(whole.parameters[0].error).epsilon(1e-6));
    CHECK(std::abs(local.value - 1.0) > 1e-3);  // it had to move
    CHECK(std::abs(local.newton - local.value) < 0.1 * std::abs(local.value - 1.0));
}

TEST_CASE("changed events keep their weights", "[fit]") {
    const EventSet events = test::systematic_grid(200);
    const auto n = events.size();
    const EventSource source = with_shapes(
        with_log_ratios(source_of(events),
                        [&](Range range) { return std::vector<double>(3 * range.size(), 0.25); }),
        {{"S", "alpha_mc"}}, [](Range range) {
            std::vector<float> delta;
            for (std::uint64_t i = range.first; i < range.last; ++i) {
                delta.push_back(static_cast<float>(i));
            }
            return delta;
        });

    const EventSet part = source.read({50, 60});

    CHECK(source.shapes.back() == ShapeColumn{"S", "alpha_mc"});
    CHECK(part.shapes == source.shapes);
    CHECK(part.weight == std::vector(events.weight.begin() + 50, events.weight.begin() + 60));
    CHECK(part.log_r == std::vector<double>(30, 0.25));
    const auto first = part.log_g.size() - 20;
    CHECK(part.log_g[first] == 50.0F);
    CHECK(part.log_g[first + 10] == -50.0F);
    CHECK(part.log_g.size() == events.log_g.size() / n * 10 + 20);
}
