// Which toys are thrown, and what their outcomes are summed up to.
#include "measurement/toys_plan.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "measurement/toys_results.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

double log_ratio(std::size_t process, std::size_t bin) {
    const double share_s = (3.0 - static_cast<double>(bin)) / 6.0;
    const double share_b = (1.0 + static_cast<double>(bin)) / 6.0;
    return std::log((process == 0 ? share_s : share_b) / (0.5 * share_s + 0.5 * share_b));
}

test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}, 0.5),
                                       test::example_set("B", {100, 200, 300}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.log_r = log_ratio;
    return ratios;
}

/// The example on disk and a campaign of it.
struct Place {
    explicit Place(const std::string& more = "[data]\nsample = \"data\"\n")
        : samples(test::write_example(folder.path(), example())),
          campaign(parse_campaign(test::example_campaign_text(more, "reference"), folder.path())) {}

    FitSource source(unsigned threads = 1) const {
        return {campaign, folder / "ratios.h5", samples, threads};
    }
    ToyPlan plan(ToyRequest request, unsigned threads = 1) const {
        return {alone, source(threads), std::move(request)};
    }

    test::TemporaryDirectory folder;
    mpi::Communicator alone;
    std::vector<SampleInfo> samples;
    Campaign campaign;
};

/// The likelihood of the data as a short sum, ratios as the file has them.
test::SlowFit slow_data() {
    test::SlowFit slow{.n = {90.0, 60.0, 50.0}};
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        slow.r_s[b] = std::exp(log_ratio(0, b));
        slow.r_b[b] = std::exp(log_ratio(1, b));
    }
    return slow;
}

double slow_nll(const test::SlowFit& slow, double mu) {
    double nll = mu * slow.s + slow.b;
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        nll -= slow.n[b] * std::log(mu * slow.s * slow.r_s[b] + slow.b * slow.r_b[b]);
    }
    return nll;
}

ToyOutcome outcome(std::uint64_t toy, double value, double error, double statistic) {
    return {.toy = toy,
            .events = 100 + toy,
            .converged = true,
            .statistics = {statistic},
            .value = {value},
            .error = {error}};
}

}  // namespace

TEST_CASE("without a request toys stand at the best fit of the data, or the Asimov point",
          "[measurement][toys]") {
    const ToyPlan of_data = Place().plan({});
    const ToyPlan of_asimov = Place("[data]\nasimov = { mu = 2.0 }\n").plan({});

    REQUIRE(of_data.points().size() == 1);
    CHECK(of_data.best()[0] == Approx(slow_data().estimate()).epsilon(1e-6));
    CHECK(of_data.points()[0].theta[0] == of_data.best()[0]);
    CHECK(of_asimov.points()[0].theta == std::vector<double>{2.0});
    CHECK(of_asimov.points()[0].test == 2.0);
}

TEST_CASE("a grid has a point for each truth, tested at itself or at what was asked for",
          "[measurement][toys]") {
    const Place place;
    const ToyPlan own = place.plan({.grid = {0.5, 1.0, 3.0}});
    const ToyPlan other = place.plan({.grid = {0.5, 3.0}, .test = 2.0});

    REQUIRE(own.points().size() == 3);
    for (std::size_t p = 0; p < 3; ++p) {
        CHECK(own.points()[p].theta[0] == own.request().grid[p]);
        CHECK(own.points()[p].test == own.request().grid[p]);
    }
    for (const ToyPoint& point : other.points()) CHECK(point.test == 2.0);
}

TEST_CASE("the observed statistic of a point is twice the difference of the NLL",
          "[measurement][toys]") {
    const ToyPlan plan =
        Place().plan({.grid = {0.5, 2.0}, .statistics = {TestStatistic::t, TestStatistic::q}});
    const test::SlowFit slow = slow_data();

    for (const ToyPoint& point : plan.points()) {
        const double t = 2.0 * (slow_nll(slow, point.test) - slow_nll(slow, slow.estimate()));
        CHECK(point.observed[0] == Approx(t).epsilon(1e-5));
        // q tests upper limits: an estimate above the tested value says nothing against it.
        CHECK(point.observed[1] == Approx(slow.estimate() > point.test ? 0.0 : t).epsilon(1e-5));
    }
}

TEST_CASE("events of the mixture are expected in proportion to it, with the model's sum",
          "[measurement][toys]") {
    const Place place;
    const ToyPlan plan = place.plan({.grid = {0.5, 2.0}});
    const auto sets = example().sets;

    for (const std::size_t p : {0UL, 1UL, 0UL}) {
        const double mu = plan.points()[p].theta[0];
        const ToySetup setup = plan.setup(p);
        REQUIRE(setup.unbinned.size() == 1);
        REQUIRE(setup.unbinned[0].sources.size() == 1);
        const std::vector<double>& weights = setup.unbinned[0].sources[0].weights;
        std::size_t row = 0;
        double sum = 0.0;
        for (std::size_t set = 0; set < 2; ++set) {
            for (std::size_t b = 0; b < test::n_bins; ++b) {
                const double mixture =
                    100.0 * mu * std::exp(double{static_cast<float>(log_ratio(0, b))}) +
                    100.0 * std::exp(double{static_cast<float>(log_ratio(1, b))});
                for (const double w : sets[set].weights[b]) {
                    const double expected = 0.5 * w / sets[set].sum() * mixture;
                    CHECK(weights.at(row++) == Approx(expected).epsilon(1e-9));
                    sum += expected;
                }
            }
        }
        CHECK(row == weights.size());
        CHECK(sum == Approx(100.0 * mu + 100.0).epsilon(1e-6));
        CHECK(setup.truth == plan.points()[p].theta);
        CHECK(setup.seed == place.campaign.seed);
    }
}

TEST_CASE("toys of real events expect the rate of each process from its sample",
          "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.grid = {0.5, 2.0}, .unit_weights = true});

    for (std::size_t p = 0; p < 2; ++p) {
        const ToySetup setup = plan.setup(p);
        REQUIRE(setup.unbinned[0].sources.size() == 2);
        CHECK(setup.unbinned[0].sources[0].expected == Approx(100.0 * plan.points()[p].theta[0]));
        CHECK(setup.unbinned[0].sources[1].expected == Approx(100.0));
        for (const ToySource& source : setup.unbinned[0].sources) {
            CHECK(source.weights.empty());
            CHECK(source.events->size() == 600);  // of equal weights: none is dropped
        }
    }
}

TEST_CASE("toys warn where their expansion of ln Z moves the best fit, by how much",
          "[measurement][toys]") {
    // Two large shapes that act alike: ln Z has terms of high order in both at once.
    auto ratios = example();
    ratios.sets.back() = test::example_set("data", {30, 40, 330});
    ratios.header.shapes = {{"B", "alpha_one"}, {"B", "alpha_two"}};
    ratios.log_g = [](std::size_t, bool up, std::size_t bin) {
        const double side = static_cast<double>(bin) - 1.0;
        return up ? 0.9 * side : -0.3 * side;
    };
    const test::TemporaryDirectory folder;
    const auto samples = test::write_example(folder.path(), ratios);
    const std::string text = test::example_campaign_text(
        "[data]\nsample = \"data\"\n[[systematic]]\nname = \"one\"\n[[systematic]]\nname = "
        "\"two\"\n",
        "reference");
    const test::ExampleFit exact(folder.path(), text);
    const FitSource source{exact.campaign, folder / "ratios.h5", samples, 1};
    const auto warnings_with = [&](ShapeNorm norm) {
        return ToyPlan(exact.alone, source, {.shape_norm = norm}).warnings();
    };

    const ToyPlan expanded(exact.alone, source, {});
    const FittedParameter& mu = exact.result.parameters.front();
    const double moved = (expanded.best()[0] - mu.value) / mu.error;
    INFO(moved << " errors from " << mu.value << " +- " << mu.error);
    REQUIRE(std::abs(moved) > 0.2);
    REQUIRE(expanded.warnings().size() == 1);
    CHECK_THAT(
        expanded.warnings()[0],
        Contains(fmt::format("moves the best fit of the data by {:.2f} of its error", moved)));
    CHECK(warnings_with(ShapeNorm::reference).empty());
}

TEST_CASE("a truth that cannot be thrown is refused with its option", "[measurement][toys]") {
    const Place place;

    CHECK_THROWS_WITH(place.plan({.at = {{"mu", 11.0}}}),
                      Contains("--at: mu = 11 is outside its range (allowed: 0 to 10)"));
    CHECK_THROWS_WITH(place.plan({.grid = {1.0, -1.0}}), Contains("--grid: mu = -1"));
    CHECK_THROWS_WITH(place.plan({.test = 12.0}), Contains("--test: mu = 12"));
}

TEST_CASE("tasks cut the toys of every point into blocks, each toy once", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.grid = {0.5, 2.0}, .toys = 250, .block = 100});

    const auto tasks = plan.tasks();

    REQUIRE(tasks.size() == 6);
    std::set<std::string> digests;
    std::vector<std::uint64_t> next(2, 0);
    for (const Task& task : tasks) {
        const auto range = decode<ToyTask>(task.payload);
        CHECK(range.first == next[range.point]);
        CHECK(range.last == std::min<std::uint64_t>(range.first + 100, 250));
        CHECK(task.cost == static_cast<double>(range.last - range.first));
        next[range.point] = range.last;
        CHECK(digests.insert(task.digest.hex()).second);
    }
    CHECK(next == std::vector<std::uint64_t>{250, 250});
}

TEST_CASE("what toys are made from is in their digest, how they are made is not",
          "[measurement][toys]") {
    const Place place;
    Place seeded;
    seeded.campaign.seed = 77;
    const ToyRequest request{.grid = {0.5}, .toys = 100};
    const Digest digest = place.plan(request).digest();

    CHECK(place.plan(request, 3).digest() == digest);
    CHECK(place.plan({.grid = {2.0}, .toys = 300, .block = 50}).digest() == digest);
    CHECK(place.plan({.grid = {2.0}, .toys = 100}).tasks()[0].digest !=
          place.plan(request).tasks()[0].digest);
    CHECK(seeded.plan(request).digest() != digest);
    CHECK(place.plan({.grid = {0.5}, .statistics = {TestStatistic::q}}).digest() != digest);
    CHECK(place.plan({.grid = {0.5}, .unit_weights = true}).digest() != digest);
}

TEST_CASE("fitted toys scatter around their truth as their errors say", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.at = {{"mu", 2.0}}, .toys = 300, .block = 300});
    const ToyTask all{0, 0, 300};
    const auto run = plan.run_toy(all);
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t toy = 0; toy < 300; ++toy) outcomes.push_back(run(toy));

    const ToyResults results = summarise(plan, "example", {outcomes});

    const ToyPointResult& point = results.points.front();
    const ToyParameter& mu = point.parameters.front();
    const double n = 300.0;
    CHECK(point.converged.value == 1.0);
    CHECK(std::abs(mu.pull_mean) < 5.0 / std::sqrt(n) + 0.05);  // the estimate has a small bias
    CHECK(std::abs(mu.pull_width - 1.0) < 5.0 / std::sqrt(2.0 * n));
    CHECK(std::abs(mu.mean - 2.0) < 5.0 * mu.width / std::sqrt(n));
    CHECK(std::abs(point.mean_events - 300.0) < 5.0 * std::sqrt(300.0 / n));
    // Wilks: t is a chi2 of one degree of freedom, so 68.27 % of the toys stay below 1.
    const Threshold& threshold = point.statistics.front().thresholds.front();
    CHECK(std::abs(threshold.value - 1.0) < 5.0 * threshold.error);
}

TEST_CASE("estimates of toys are summed up by their moments", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.at = {{"mu", 2.0}}, .toys = 4});
    std::vector<ToyOutcome> outcomes{outcome(0, 1.0, 0.5, 3.0), outcome(1, 2.0, 0.5, 1.0),
                                     outcome(2, 4.5, 2.5, 4.0), outcome(3, 2.5, 0.0, 2.0)};

    const ToyPointResult point = summarise(plan, "example", {outcomes}).points.front();

    const ToyParameter& mu = point.parameters.front();
    CHECK(mu.name == "mu");
    CHECK(mu.truth == 2.0);
    CHECK(mu.mean == Approx(10.0 / 4.0));
    CHECK(mu.width == Approx(std::sqrt((2.25 + 0.25 + 4.0) / 3.0)));
    CHECK(mu.pulls == 3);  // the last toy has no error
    CHECK(mu.pull_mean == Approx((-2.0 + 0.0 + 1.0) / 3.0));
    CHECK(mu.pull_width == Approx(std::sqrt((25.0 + 1.0 + 16.0) / 9.0 / 2.0)));
    CHECK(point.mean_events == Approx(101.5));
    CHECK(point.toys == 4);
}

TEST_CASE("toys that did not converge are counted and left out", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.at = {{"mu", 2.0}}, .toys = 4});
    std::vector<ToyOutcome> outcomes{outcome(0, 1.0, 0.5, 3.0), outcome(1, 3.0, 0.5, 1.0),
                                     outcome(2, 99.0, 0.5, 99.0), outcome(3, 2.0, 0.5, 2.0)};
    outcomes[2].converged = false;

    const ToyResults results = summarise(plan, "example", {outcomes});

    const ToyPointResult& point = results.points.front();
    CHECK(point.converged.value == 0.75);
    CHECK(point.converged.error == 0.25);  // one toy of four, more than sqrt(0.75 * 0.25 / 4)
    CHECK(point.parameters.front().mean == Approx(2.0));
    REQUIRE_FALSE(results.warnings.empty());
    CHECK_THAT(results.warnings.front(), Contains("up to 0.25 of the toys"));
}

TEST_CASE("the p-value is the fraction of toys at least as far as the data",
          "[measurement][toys]") {
    ToyPlan plan = Place().plan({.grid = {2.0}, .toys = 10});
    const double observed = plan.points().front().observed.front();
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t k = 0; k < 10; ++k) {
        outcomes.push_back(outcome(k, 2.0, 0.5, k < 3 ? observed + 1.0 : 0.5 * observed));
    }

    const ToyStatistic statistic =
        summarise(plan, "example", {outcomes}).points.front().statistics.front();

    CHECK(statistic.name == "t");
    CHECK(statistic.observed == observed);
    CHECK(statistic.p_value.value == Approx(0.3));
    CHECK(statistic.p_value.error == Approx(std::sqrt(0.3 * 0.7 / 10.0)));
}

TEST_CASE("the data accept the truths whose threshold they stay below", "[measurement][toys]") {
    ToyPlan plan = Place().plan({.grid = {0.0, 1.0, 2.0}, .toys = 19, .levels = {0.95}});
    std::vector<std::vector<ToyOutcome>> outcomes;
    // The threshold of 19 toys at 95 % is the largest: beyond the data at the first two truths.
    for (std::size_t p = 0; p < 3; ++p) {
        const double observed = plan.points()[p].observed.front();
        outcomes.emplace_back();
        for (std::uint64_t k = 0; k < 19; ++k) {
            const double largest = p < 2 ? observed + 1.0 : observed - 1.0;
            outcomes.back().push_back(
                outcome(k, 1.0, 0.5, largest - 0.01 * static_cast<double>(k)));
        }
    }

    const ToyResults results = summarise(plan, "example", outcomes);

    REQUIRE(results.neyman.size() == 1);
    CHECK(results.neyman.front().level == 0.95);
    REQUIRE(results.neyman.front().ranges.size() == 1);
    const AcceptedRange range = results.neyman.front().ranges.front();
    CHECK(range.low == 0.0);
    CHECK(range.low_at_end);
    // where t of the data itself, not a line between its values on the grid, meets the threshold
    const double there =
        Place().plan({.grid = {range.high}, .toys = 1}).points().front().observed.front();
    const double threshold = std::lerp(plan.points()[1].observed.front() + 1.0,
                                       plan.points()[2].observed.front() - 1.0, range.high - 1.0);
    CHECK(there == Approx(threshold).epsilon(1e-3));
    CHECK(std::abs(range.high - 1.5) > 0.01);
    CHECK_FALSE(range.high_at_end);
}

TEST_CASE("too few toys for a level make no Neyman interval", "[measurement][toys]") {
    ToyPlan plan = Place().plan({.grid = {1.0, 2.0}, .toys = 3, .levels = {0.95}});
    const std::vector<ToyOutcome> few{outcome(0, 1.0, 0.5, 1.0), outcome(1, 1.0, 0.5, 2.0)};

    const ToyResults results = summarise(plan, "example", {few, few});

    CHECK(results.neyman.empty());
    CHECK(std::isinf(results.points[0].statistics[0].thresholds[0].value));
}

TEST_CASE("a list says how fine it is, and warns where toys are as large as it",
          "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.at = {{"mu", 9.0}}, .toys = 1});

    const ToyResults results = summarise(plan, "example", {{outcome(0, 9.0, 1.0, 0.0)}});

    const std::vector<double> weights = plan.setup(0).unbinned[0].sources[0].weights;
    double sum = 0.0;
    double squares = 0.0;
    for (const double w : weights) {
        sum += w;
        squares += w * w;
    }
    REQUIRE(results.points[0].lists.size() == 1);
    CHECK(results.points[0].lists[0].expected == Approx(sum));
    CHECK(results.points[0].lists[0].effective_events == Approx(sum * sum / squares));
    CHECK(sum * sum / squares < 10.0 * sum);
    REQUIRE_FALSE(results.warnings.empty());
    CHECK_THAT(results.warnings.back(), Contains("drawn from"));
}

TEST_CASE("real events that are used again are told", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.at = {{"mu", 2.0}}, .toys = 30, .unit_weights = true});
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t k = 0; k < 30; ++k) outcomes.push_back(outcome(k, 2.0, 0.5, 1.0));

    const ToyResults results = summarise(plan, "example", {outcomes});

    REQUIRE(results.points[0].reuse.size() == 2);
    CHECK(results.points[0].reuse[0] == Approx(200.0 * 30.0 / 600.0));
    CHECK(results.points[0].reuse[1] == Approx(100.0 * 30.0 / 600.0));
    REQUIRE_FALSE(results.warnings.empty());
    CHECK_THAT(results.warnings.back(), Contains("used 10.0 times on average"));
}

TEST_CASE("toys.json holds the numbers of the summary, null where toys were too few",
          "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.grid = {1.0, 2.0}, .toys = 3, .levels = {0.5, 0.95}});
    const std::vector<ToyOutcome> few{outcome(0, 1.0 / 3.0, 0.5, 1.0), outcome(1, 1.0, 0.5, 2.0),
                                      outcome(2, 1.5, 0.5, 1.5)};
    const ToyResults results = summarise(plan, "example", {few, few});

    const Json json = Json::parse(toys_json(plan, results));

    CHECK(json.at("format") == "ratiofarm toys");
    CHECK(json.at("version") == 1);
    CHECK(json.at("campaign") == "example");
    CHECK(json.at("poi") == "mu");
    CHECK(json.at("drawn_from") == "mixture");
    CHECK(json.at("nuisances") == "fixed");
    CHECK(json.at("warnings") == results.warnings);
    REQUIRE(json.at("points").size() == 2);
    const Json& point = json.at("points")[1];
    CHECK(point.at("test") == 2.0);
    CHECK(point.at("toys") == 3);
    CHECK(point.at("parameters")[0].at("mean") == results.points[1].parameters[0].mean);
    CHECK(point.at("parameters")[0].at("pull_mean_error").get<double>() ==
          Approx(results.points[1].parameters[0].pull_width / std::sqrt(3.0)));
    CHECK(point.at("parameters")[0].at("pull_width_error").get<double>() ==
          Approx(results.points[1].parameters[0].pull_width / std::sqrt(6.0)));
    const Json& thresholds = point.at("statistics")[0].at("thresholds");
    CHECK(thresholds[0].at("value") == 1.5);  // ceil(0.5 (3 + 1)) = 2nd of 3
    CHECK(thresholds[1].at("value").is_null());
    CHECK(point.at("statistics")[0].at("observed") == plan.points()[1].observed[0]);
    REQUIRE(json.at("neyman").size() == 1);
    CHECK(json.at("neyman")[0].at("level") == 0.5);
}

TEST_CASE("the table of toys has a line for each truth and says what is accepted",
          "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.grid = {0.0, 10.0}, .toys = 3, .levels = {0.5}});
    const std::vector<ToyOutcome> small{outcome(0, 1.0, 0.5, 0.0), outcome(1, 1.0, 0.5, 0.0),
                                        outcome(2, 1.5, 0.5, 0.0)};

    const std::string text = toys_text(plan, summarise(plan, "example", {small, small}));

    CHECK(std::count(text.begin(), text.end(), '\n') >= 4);
    CHECK_THAT(text, Contains("50 % below") && Contains("p-value") &&
                         Contains("mu at 0.5 by t: nothing on the grid is accepted"));
}

TEST_CASE("the table of few toys says what they are too few for", "[measurement][toys]") {
    const ToyPlan plan = Place().plan({.grid = {0.0, 10.0}, .toys = 1, .levels = {0.5, 0.95}});
    const std::vector<ToyOutcome> one{outcome(0, 1.0, 0.5, 0.0)};

    const std::string text = toys_text(plan, summarise(plan, "example", {one, one}));

    CHECK_THAT(text, Contains("too few toys"));
    CHECK(text.find("inf") == std::string::npos);
    CHECK(text.find("0.0000") == std::string::npos);  // no width of 0
    std::istringstream lines(text);
    std::vector<std::size_t> widths;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("   ") != std::string::npos) widths.push_back(line.size());
    }
    CHECK(widths[0] == widths[1]);  // columns stay in line
    CHECK(widths[3] == widths[4]);
}
