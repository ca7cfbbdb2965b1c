// The lists of events that toys are thrown from.

#include <algorithm>
#include <cmath>
#include <memory>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/toys.hpp"
#include "ratiofarm_test/catch.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

TEST_CASE("toys of real events take each process from its sample", "[fit][toys]") {
    StatisticalModel model = test::interference_model();
    const auto events = std::make_shared<const EventSet>(test::grid_events(1.0, 3000));
    ToySetup setup{.model = model,
                   .truth = {1.0},
                   .test = 1.0,
                   .unbinned = {{.sources = {{.events = events, .expected = 700.0}}}},
                   .binned = {}};

    const ToyExperiment toys(setup, {0, 4});
    std::vector<double> used;
    for (std::uint64_t k = 0; k < 4; ++k) {
        const Toy toy = toys.thrown(k);
        for (std::size_t i = 0; i < toy.unbinned[0].size(); ++i) {
            CHECK(toy.unbinned[0].weight[i] == 1.0);
            used.push_back(toy.unbinned[0].log_r[3 * i]);
        }
    }

    CHECK(used.size() == Approx(2800.0).margin(5.0 * std::sqrt(2800.0)));
    std::sort(used.begin(), used.end());
    CHECK(std::unique(used.begin(), used.end()) == used.end());
    setup.unbinned[0].sources[0].expected = 2990.0;
    CHECK_THROWS_AS(ToyExperiment(setup, {0, 1}), ConfigError);
}

TEST_CASE("negative weights cannot be thrown and are counted", "[fit][toys]") {
    const ToyListSummary summary = summary_of(std::vector{1.0, -0.5, 3.0, 0.0});
    CHECK(summary.expected == 3.5);
    CHECK(summary.negative == -0.5);
    CHECK(summary.n_negative == 1);
    CHECK(summary.effective_events == Approx(3.5 * 3.5 / 10.25));
}
