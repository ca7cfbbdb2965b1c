// Goodness of fit in three bins, where deviances and expectations are short sums.
#include "measurement/gof_plan.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/goodness_of_fit.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const test::Bins counts{90.0, 60.0, 50.0};

double share(std::size_t process, std::size_t bin) {
    const auto x = static_cast<double>(bin);
    return (process == 0 ? 3.0 - x : 1.0 + x) / 6.0;
}

test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                       test::example_set("B", {100, 200, 300}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.log_r = [](std::size_t process, std::size_t bin) {
        return std::log(share(process, bin) / (0.5 * share(0, bin) + 0.5 * share(1, bin)));
    };
    return ratios;
}

struct Place {
    explicit Place(const std::string& more = "[data]\nsample = \"data\"\n")
        : samples(test::write_example(folder.path(), example())),
          campaign(parse_campaign(test::example_campaign_text(more, "reference"), folder.path())) {}
    FitSource source() const { return {campaign, folder / "ratios.h5", samples, 1}; }

    test::TemporaryDirectory folder;
    mpi::Communicator alone;
    std::vector<SampleInfo> samples;
    Campaign campaign;
};

test::Bins expected_at(double mu) {
    test::Bins nu{};
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        nu[b] = 100.0 * mu * share(0, b) + 100.0 * share(1, b);
    }
    return nu;
}

double slow_estimate(const test::Bins& n) {
    test::SlowFit slow{.n = n};
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        slow.r_s[b] = share(0, b);
        slow.r_b[b] = share(1, b);
    }
    return slow.estimate();
}

/// Baker and Cousins, bin by bin.
double slow_deviance(const test::Bins& n, const test::Bins& nu) {
    double sum = 0.0;
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        sum += 2.0 * (nu[b] - n[b] + n[b] * std::log(n[b] / nu[b]));
    }
    return sum;
}

ToyOutcome outcome(std::uint64_t toy, std::vector<double> deviances) {
    return {.toy = toy,
            .events = 200,
            .converged = true,
            .statistics = std::move(deviances),
            .value = {1.0},
            .error = {0.1}};
}

const GofTest& test_of(const GofRecord& record, const std::string& observable) {
    for (const GofTest& test : record.tests) {
        if (test.observable == observable) return test;
    }
    throw DataError("no test of " + observable);
}

}  // namespace

TEST_CASE("a feature with three values is compared in its three bins", "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 2});

    const GofRecord record =
        plan.record({outcome(0, {0.0, 0.0, 0.0}), outcome(1, {9e9, 9e9, 9e9})});

    const double mu = slow_estimate(counts);
    const test::Bins nu = expected_at(mu);
    const GofTest& x = test_of(record, "x");
    CHECK(record.best == Approx(mu).epsilon(1e-6));
    CHECK(x.region == "SR");
    CHECK(x.edges.size() == 2);
    REQUIRE(x.observed.size() == 3);
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        CHECK(x.observed[b] == counts[b]);
        CHECK(x.expected[b] == Approx(nu[b]).epsilon(1e-5));
    }
    CHECK(x.deviance == Approx(slow_deviance(counts, nu)).epsilon(1e-4));
    CHECK(x.ndf == 2.0);  // three bins, one free parameter
    CHECK(x.p_asymptotic == Approx(std::exp(-0.5 * x.deviance)).epsilon(1e-9));  // chi2 with 2
}

TEST_CASE("the optimal observable of this example orders the bins like the feature",
          "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 1});

    const GofRecord record = plan.record({outcome(0, {1.0, 1.0, 1.0})});

    // r_S falls with x and r_B rises: d ln D / d mu falls, so the bins come in the other order.
    const GofTest& optimal = test_of(record, "d ln D / d mu");
    const GofTest& x = test_of(record, "x");
    CHECK(optimal.observed == std::vector<double>(x.observed.rbegin(), x.observed.rend()));
    // At mu = 1 it is 0.75, 0.5 and 0.25 in the three bins.
    REQUIRE(optimal.edges.size() == 2);
    CHECK(optimal.edges[0] == Approx(0.375).margin(0.126));
    CHECK(optimal.edges[1] == Approx(0.625).margin(0.126));
    CHECK(optimal.deviance == Approx(x.deviance).epsilon(1e-9));
}

TEST_CASE("the whole counts each region once, however many observables show it",
          "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 1});

    const GofRecord record = plan.record({outcome(0, {1.0, 1.0, 1.0})});

    REQUIRE(record.tests.size() == 3);
    const GofTest& all = record.tests.back();
    CHECK(all.observable == "all");
    CHECK(all.region.empty());
    CHECK(all.observed.empty());
    CHECK(all.deviance == Approx(record.tests.front().deviance).epsilon(1e-12));
    CHECK(all.ndf == 2.0);
}

TEST_CASE("a fit takes no degrees of freedom from a region that it learns nothing from",
          "[measurement][gof]") {
    const Place place(R"([data]
sample = "data"
[[region]]
name = "SR"
[[region]]
name = "CR"
type = "binned"
observed = [41.0, 22.0, 12.0]
[[region.sample]]
name = "B"
contents = [40.0, 25.0, 10.0]
)");
    const GofPlan plan(place.alone, place.source(), {.toys = 1});

    const GofRecord record = plan.record({outcome(0, {1.0, 1.0, 1.0, 1.0})});

    CHECK(test_of(record, "x").ndf == 2.0);         // mu
    CHECK(test_of(record, "contents").ndf == 3.0);  // B is fixed
    CHECK(test_of(record, "all").ndf == 5.0);
}

TEST_CASE("p-values count the toys at least as bad, with a binomial error", "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 10});
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t k = 0; k < 12; ++k) {
        const double bad = k < 3 ? 1e9 : 0.0;
        outcomes.push_back(outcome(k, {bad, 1e9 - bad, bad}));
    }
    outcomes[10].converged = outcomes[11].converged = false;

    const GofRecord record = plan.record(outcomes);

    CHECK(record.toys == 10);
    CHECK(record.failed == 2);
    CHECK(record.tests[0].p_value == Approx(0.3));
    CHECK(record.tests[0].p_error == Approx(std::sqrt(0.3 * 0.7 / 10.0)));
    CHECK(record.tests[1].p_value == Approx(0.7));
    CHECK(record.tests[2].p_value == Approx(0.3));
}

TEST_CASE("without a toy that converged there is no goodness of fit", "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 1});
    ToyOutcome failed = outcome(0, {});
    failed.converged = false;

    CHECK_THROWS_AS(plan.record({failed}), NumericalError);
}

TEST_CASE("Asimov data fit perfectly", "[measurement][gof]") {
    const Place place("[data]\nasimov = { mu = 2.0, source = \"reference\" }\n");
    const GofPlan plan(place.alone, place.source(), {.toys = 1});

    const GofRecord record = plan.record({outcome(0, {1.0, 1.0, 1.0})});

    CHECK(record.best == Approx(2.0).epsilon(1e-8));
    for (const GofTest& test : record.tests) {
        CHECK(std::abs(test.deviance) < 1e-8);
        CHECK(test.p_asymptotic == Approx(1.0));
        CHECK(test.p_value == 1.0);
    }
}

TEST_CASE("deviances of toys at the best fit follow chi2", "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 200, .block = 200});
    const auto run = plan.run_toy(decode<ToyTask>(plan.tasks().front().payload));
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t toy = 0; toy < 200; ++toy) outcomes.push_back(run(toy));

    const GofRecord record = plan.record(outcomes);

    CHECK(record.toys == 200);
    for (std::size_t k = 0; k < record.tests.size(); ++k) {
        double mean = 0.0;
        for (const ToyOutcome& toy : outcomes) mean += toy.statistics[k] / 200.0;
        const double ndf = record.tests[k].ndf;
        INFO(record.tests[k].observable);
        CHECK(std::abs(mean - ndf) < 5.0 * std::sqrt(2.0 * ndf / 200.0));
        CHECK(std::abs(record.tests[k].p_value - record.tests[k].p_asymptotic) <
              5.0 * record.tests[k].p_error + 0.05);
    }
}

TEST_CASE("tasks of a goodness of fit are toys of their own", "[measurement][gof]") {
    const Place place;
    const GofPlan plan(place.alone, place.source(), {.toys = 250, .block = 100});
    const GofPlan coarse(place.alone, place.source(), {.toys = 250, .block = 100, .bins = 2});

    const auto tasks = plan.tasks();

    REQUIRE(tasks.size() == 3);
    std::set<std::string> digests;
    for (const Task& task : tasks) {
        CHECK_THAT(task.name, Contains("toys/gof "));
        CHECK(digests.insert(task.digest.hex()).second);
    }
    for (const Task& task : coarse.tasks()) CHECK(digests.insert(task.digest.hex()).second);
}

TEST_CASE("bins hold at least five expected events and are no more than asked for",
          "[measurement][gof]") {
    const Place place("[data]\nasimov = { mu = 1.0 }\n");
    const ToyPlan toys(place.alone, place.source(), {.statistics = {}, .at_best_fit = true});

    for (const std::size_t wanted : {1, 2, 3, 20}) {
        for (const ObservableBins& bins : observable_bins(toys, place.source(), wanted)) {
            INFO(bins.observable << ", " << wanted);
            CHECK(bins.size() <= wanted);
            CHECK(std::is_sorted(bins.edges.begin(), bins.edges.end()));
            CHECK(bins.list.size() == toys.list(0).size());
            for (const std::uint32_t bin : bins.list) CHECK(bin < bins.size());
            for (const std::uint32_t bin : bins.data) CHECK(bin < bins.size());
        }
    }
}

TEST_CASE("without the events file there are bins of the optimal observable alone",
          "[measurement][gof]") {
    const Place place;
    FitSource without = place.source();
    without.samples = {};
    const ToyPlan toys(place.alone, without, {.statistics = {}, .at_best_fit = true});

    const auto bins = observable_bins(toys, without, 20);

    REQUIRE(bins.size() == 1);
    CHECK(bins[0].observable == "d ln D / d mu");
    CHECK(bins[0].region == 0);
}
