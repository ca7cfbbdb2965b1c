// The finite number of simulated events where every number is a short sum: events in three bins.
#include "measurement/finite_mc_estimates.hpp"

#include <cmath>
#include <numeric>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/seeds.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "measurement/net_ratio_sums.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;

namespace {

/// ln r_S of each net, the same in all bins; r_B is 1.
const std::vector<double> constants{0.125, -0.0625, 0.03125, -0.25};

test::ExampleRatios constant_nets(std::uint32_t of_s, std::uint32_t of_b) {
    auto ratios = test::example_ratios(test::example_set("S", {20, 20, 20}),
                                       test::example_set("B", {20, 20, 20}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.header.members = {of_s, of_b};
    ratios.line = [](NetRatios, std::size_t process, std::uint64_t net, std::size_t) {
        return process == 0 ? constants[net] : 0.0;
    };
    return ratios;
}

/// Of N events: mu s e^c + b = N e^c at the minimum.
double estimate_with(double c, double n) { return n / 100.0 - std::exp(-c); }

/// Bins of a sample that tell S from B, with weights that are not all the same.
test::ExampleSet weighted_set(const std::string& name, const std::array<std::size_t, 3>& events) {
    test::ExampleSet set = test::example_set(name, events);
    double k = 0.0;
    for (auto& bin : set.weights) {
        for (double& weight : bin) weight = 1.0 + 0.5 * std::sin(k++);
    }
    return set;
}

/// Members that are indicators of the first two bins: with the constant they make any function of
/// the bin, so the weighted ratio is that of two histograms.
test::ExampleRatios indicator_members() {
    auto ratios =
        test::example_ratios(weighted_set("S", {30, 20, 10}), weighted_set("B", {10, 18, 25}),
                             test::example_set("data", {80, 62, 51}));
    ratios.header.members = {2, 2};
    ratios.line = [](NetRatios, std::size_t, std::uint64_t net, std::size_t bin) {
        return net == bin ? 1.0 : 0.0;
    };
    return ratios;
}

/// The fit of the data with ratios of the histograms of two samples.
test::SlowFit histogram_fit(const test::ExampleSet& s, const test::ExampleSet& b) {
    test::SlowFit slow{.n = {80.0, 62.0, 51.0}};
    const test::Bins p_s = s.shares();
    const test::Bins p_b = b.shares();
    for (std::size_t k = 0; k < test::n_bins; ++k) {
        const double reference = 0.5 * p_s[k] + 0.5 * p_b[k];
        slow.r_s[k] = p_s[k] / reference;
        slow.r_b[k] = p_b[k] / reference;
    }
    return slow;
}

/// Variance of the estimate when each event is there a Poisson number of times: the sum of squares
/// of what 100 % more of one event would change, event by event.
double jackknife_sigma(test::ExampleSet s, test::ExampleSet b) {
    double variance = 0.0;
    constexpr double step = 1e-3;
    for (test::ExampleSet* set : {&s, &b}) {
        for (auto& bin : set->weights) {
            for (double& weight : bin) {
                const double nominal = weight;
                weight = nominal * (1.0 + step);
                const double above = histogram_fit(s, b).estimate();
                weight = nominal * (1.0 - step);
                const double below = histogram_fit(s, b).estimate();
                weight = nominal;
                variance += std::pow((above - below) / (2.0 * step), 2);
            }
        }
    }
    return std::sqrt(variance);
}

}  // namespace

TEST_CASE("each net is fitted to the same data, and its estimate is its own", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), constant_nets(4, 4));
    const test::ExampleFit nominal(folder.path(), test::example_campaign_text());

    const EstimateSpread spread = estimate_spread(nominal.alone, nominal.point, NetRatios::member);

    CHECK(spread.nets == std::vector<std::uint32_t>{0, 1, 2, 3});
    CHECK(spread.not_converged == 0);
    std::vector<double> expected;
    double newton = 0.0;
    for (const double c : constants) {
        const double r = std::exp(c);
        const test::SlowFit slow{.n = {90.0, 60.0, 50.0}, .r_s = {r, r, r}};
        expected.push_back(estimate_with(c, 200.0));
        CHECK(slow.estimate() == Approx(expected.back()).epsilon(1e-10));
        newton = std::max(newton, std::abs(slow.newton(1.0) - expected.back()));
    }
    REQUIRE(spread.estimates.size() == expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) {
        CHECK(spread.estimates[k] == Approx(expected[k]).epsilon(1e-8));
    }
    CHECK(spread.newton_difference == Approx(newton).epsilon(1e-6));
    double mean = std::accumulate(expected.begin(), expected.end(), 0.0) / 4.0;
    double variance = 0.0;
    for (const double x : expected) variance += (x - mean) * (x - mean) / 3.0;
    CHECK(spread.mean == Approx(mean).epsilon(1e-8));
    CHECK(spread.sigma == Approx(std::sqrt(variance)).epsilon(1e-7));
    CHECK(spread.sigma_error == Approx(std::sqrt(variance / 6.0)).epsilon(1e-7));
}

TEST_CASE("a factor on all ratios of a net is no uncertainty where they are normalised",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), constant_nets(4, 4));
    const test::ExampleFit nominal(
        folder.path(), test::example_campaign_text("[data]\nsample = \"data\"\n", "reference"));

    const EstimateSpread spread = estimate_spread(nominal.alone, nominal.point, NetRatios::member);

    for (const double estimate : spread.estimates) CHECK(estimate == Approx(1.0).epsilon(1e-9));
    CHECK(spread.sigma < 1e-8);
}

TEST_CASE("only nets that every process has are fitted", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), constant_nets(4, 2));
    const test::ExampleFit nominal(folder.path(), test::example_campaign_text());

    const EstimateSpread spread = estimate_spread(nominal.alone, nominal.point, NetRatios::member);

    CHECK(spread.nets == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("a replica is normalised on the reference with its own bootstrap weights",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    auto ratios =
        test::example_ratios(weighted_set("S", {15, 10, 5}), weighted_set("B", {6, 9, 12}),
                             test::example_set("data", {90, 60, 50}));
    ratios.header.replicas = {3, 3};
    ratios.line = [](NetRatios, std::size_t process, std::uint64_t net, std::size_t bin) {
        const double x = static_cast<double>(bin) - 1.0;
        const double slope = 0.25 + 0.0625 * static_cast<double>(net);
        return process == 0 ? -slope * x : 0.5 * slope * x;
    };
    test::write_example(folder.path(), ratios);
    const test::ExampleFit nominal(
        folder.path(), test::example_campaign_text("[data]\nsample = \"data\"\n", "reference"));

    const EstimateSpread spread = estimate_spread(nominal.alone, nominal.point, NetRatios::replica);

    REQUIRE(spread.estimates.size() == 3);
    for (std::uint32_t number = 0; number < 3; ++number) {
        const std::uint64_t seed = replica_seed(nominal.campaign.seed, number);
        test::Bins reference{};
        for (std::size_t set = 0; set < 2; ++set) {
            std::uint64_t id = 1000 * set + 1;  // as write_example() numbers them
            for (std::size_t b = 0; b < test::n_bins; ++b) {
                for (const double weight : ratios.sets[set].weights[b]) {
                    reference[b] +=
                        0.5 * weight / ratios.sets[set].sum() * bootstrap_count(id++, seed);
                }
            }
        }
        test::SlowFit slow{.n = {90.0, 60.0, 50.0}};
        for (std::size_t j = 0; j < 2; ++j) {
            test::Bins& r = j == 0 ? slow.r_s : slow.r_b;
            double z = 0.0;
            double total = 0.0;
            for (std::size_t b = 0; b < test::n_bins; ++b) {
                r[b] = std::exp(ratios.line(NetRatios::replica, j, number, b));
                z += reference[b] * r[b];
                total += reference[b];
            }
            for (double& value : r) value *= total / z;
        }
        CHECK(spread.estimates[number] == Approx(slow.estimate()).epsilon(1e-7));
    }
}

TEST_CASE("the direction of replicas weighs each with how far its estimate lies", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::ExampleRatios ratios = constant_nets(4, 4);
    ratios.header.members.clear();
    ratios.header.replicas = {4, 4};
    test::write_example(folder.path(), ratios);
    const RatioFiles files{std::make_shared<RatioFile>(folder / "ratios.h5")};
    EstimateSpread spread{.nets = {0, 2, 3}, .estimates = {1.0, 2.0, 6.0}};  // one did not converge
    set_spread(spread);

    const auto direction = direction_of(files, spread);

    REQUIRE(direction.size() == 1);
    const double norm = 2.0 * std::sqrt(7.0);  // (n - 1) sigma
    for (const auto& factor : direction[0].factor) {
        REQUIRE(factor.size() == 4);
        CHECK(factor[0] == Approx(-2.0 / norm));
        CHECK(factor[1] == 0.0);
        CHECK(factor[2] == Approx(-1.0 / norm));
        CHECK(factor[3] == Approx(3.0 / norm));
    }
    CHECK(direction[0].constant == std::vector<double>{0.0, 0.0});
}

TEST_CASE("the estimate answers to a step along a direction as the fit says by hand",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), constant_nets(4, 4));
    const test::ExampleFit nominal(folder.path(), test::example_campaign_text());
    NetRatioSums direction = no_net_ratios(nominal.ratios[0]->header(), NetRatios::member);
    direction.factor[0] = {0.5, 1.0, -2.0, 0.25};
    double delta = 0.0;
    for (std::size_t k = 0; k < constants.size(); ++k)
        delta += direction.factor[0][k] * constants[k];
    const LikelihoodData data = load_data(nominal.alone, nominal.campaign, nominal.model,
                                          nominal.ratios, ReferenceRows::always);

    const double moved = response_to(nominal.alone, nominal.point, data, {direction});

    CHECK(moved == Approx(delta).epsilon(1e-6));  // d/dc (N / s - exp(-c)) at c = 0 is 1
}

TEST_CASE("weighted members that span all functions of the bin make the histogram's ratio",
          "[measurement]") {
    for (const char* norm : {"none", "reference"}) {
        const test::TemporaryDirectory folder;
        const test::ExampleRatios ratios = indicator_members();
        test::write_example(folder.path(), ratios);
        const test::ExampleFit nominal(
            folder.path(), test::example_campaign_text("[data]\nsample = \"data\"\n", norm));

        const WeightedMembersStudy study = weighted_members(nominal.alone, nominal.point, 0.0);

        INFO(norm);
        const test::SlowFit slow = histogram_fit(ratios.sets[0], ratios.sets[1]);
        CHECK(study.fit.converged);
        CHECK(study.fit.estimate == Approx(slow.estimate()).epsilon(1e-7));
        CHECK(study.fit.error == Approx(slow.error()).epsilon(1e-6));
        REQUIRE(study.fit.ratios.size() == 1);
        for (std::size_t b = 0; b < test::n_bins; ++b) {
            const auto log_r = [&](std::size_t j) {
                const NetRatioSums& sums = study.fit.ratios[0];
                return sums.constant[j] + (b < 2 ? sums.factor[j][b] : 0.0);
            };
            CHECK(log_r(0) == Approx(std::log(slow.r_s[b])).margin(1e-7));
            CHECK(log_r(1) == Approx(std::log(slow.r_b[b])).margin(1e-7));
        }
    }
}

TEST_CASE("the uncertainty of weighted members is the jackknife of their events", "[measurement]") {
    for (const char* norm : {"none", "reference"}) {
        const test::TemporaryDirectory folder;
        const test::ExampleRatios ratios = indicator_members();
        test::write_example(folder.path(), ratios);
        const test::ExampleFit nominal(
            folder.path(), test::example_campaign_text("[data]\nsample = \"data\"\n", norm));

        const WeightedMembersStudy study = weighted_members(nominal.alone, nominal.point, 0.0);

        INFO(norm);
        CHECK(study.fit.sigma ==
              Approx(jackknife_sigma(ratios.sets[0], ratios.sets[1])).epsilon(1e-4));
    }
}

TEST_CASE("a step along the direction of weighted members moves the estimate by sigma",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), indicator_members());
    const test::ExampleFit nominal(folder.path(), test::example_campaign_text());
    const WeightedMembersStudy study = weighted_members(nominal.alone, nominal.point);
    FiniteMcRecord record{.method = FiniteMcMethod::wifi, .use = FiniteMcUse::nuisance};
    record.ratios = study.fit.ratios;
    const LikelihoodData data =
        finite_mc_data(nominal.alone, nominal.campaign, nominal.model, nominal.ratios, record);
    FittedPoint there = nominal.point;
    there.u = study.u;

    const double moved = response_to(nominal.alone, there, data, study.direction);

    CHECK(moved == Approx(study.fit.sigma).epsilon(1e-5));
}
