#include "measurement/injection_fits.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/philox.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// Without ratios it is a counting experiment: mu-hat = N / s - 1, error sqrt(N) / s.
test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {20, 20, 20}),
                                       test::example_set("B", {20, 20, 20}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.sets.push_back(test::example_set("other", {40, 50, 30}, 3.0));
    return ratios;
}

std::vector<InjectionFit> fits_of(const std::string& injections) {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const Campaign campaign =
        parse_campaign(test::example_campaign_text("[data]\nsample = \"data\"\ninjections = [" +
                                                   injections + "]\n"),
                       folder.path());
    const RatioFiles ratios = open_ratio_files(campaign, folder / "ratios.h5");
    return injection_fits(mpi::Communicator(), campaign, ratios, {});
}

}  // namespace

TEST_CASE("Asimov data of an injection give back what was injected, with the error of its counts",
          "[measurement]") {
    const auto fits = fits_of("{ mu = 0.5 }, { mu = 2.0 }");

    REQUIRE(fits.size() == 2);
    for (std::size_t k = 0; k < 2; ++k) {
        const double truth = k == 0 ? 0.5 : 2.0;
        REQUIRE(fits[k].parameters.size() == 1);
        const InjectedParameter& mu = fits[k].parameters.front();
        CHECK(fits[k].converged);
        CHECK(mu.name == "mu");
        CHECK(mu.injected == truth);
        CHECK(mu.value == Approx(truth).epsilon(1e-9));
        CHECK(mu.error == Approx(std::sqrt(100.0 * truth + 100.0) / 100.0).epsilon(1e-9));
        REQUIRE(mu.pull.has_value());
        CHECK(std::abs(*mu.pull) < 1e-7);
    }
    CHECK_THAT(fits[0].name, Contains("mu = 0.5"));
    CHECK_THAT(fits[0].data, Contains("Asimov data from the samples at mu = 0.5"));
}

TEST_CASE("events of an injected sample count with their own weights", "[measurement]") {
    const auto fits = fits_of("{ mu = 2.0, sample = \"other\", name = \"three times\" }");

    REQUIRE(fits.size() == 1);
    const InjectedParameter& mu = fits[0].parameters.front();
    const double n = 3.0 * (40 + 50 + 30);
    CHECK(fits[0].name == "three times");
    CHECK(fits[0].data == "weighted events of sample other for mu = 2");
    CHECK(mu.value == Approx(n / 100.0 - 1.0).epsilon(1e-9));
    CHECK(mu.error == Approx(std::sqrt(n) / 100.0).epsilon(1e-9));
    CHECK(*mu.pull == Approx((n / 100.0 - 1.0 - 2.0) / (std::sqrt(n) / 100.0)).epsilon(1e-8));
    REQUIRE((mu.error_low && mu.error_high));
    const auto t = [&](double value) {
        const auto nll = [&](double m) {
            return 100.0 * (m + 1.0) - n * std::log(100.0 * (m + 1.0));
        };
        return 2.0 * (nll(value) - nll(n / 100.0 - 1.0));
    };
    CHECK(t(mu.value - *mu.error_low) == Approx(1.0).epsilon(1e-6));
    CHECK(t(mu.value + *mu.error_high) == Approx(1.0).epsilon(1e-6));
}

TEST_CASE("a campaign without injections fits none", "[measurement]") {
    CHECK(fits_of("").empty());
}

TEST_CASE("an injected campaign fits its injection whatever the data are", "[measurement]") {
    Campaign campaign = parse_campaign(test::example_campaign_text(), ".");
    campaign.data.blind = true;
    campaign.data.observed = true;
    campaign.data.injections = {{"a", "", {{"mu", 3.0}}}, {"b", "other", {{"mu", 4.0}}}};

    const Campaign asimov = injected_campaign(campaign, campaign.data.injections[0]);
    const Campaign sample = injected_campaign(campaign, campaign.data.injections[1]);

    CHECK(asimov.data.fitted_sample().empty());
    CHECK(asimov.data.asimov == campaign.data.injections[0].values);
    CHECK(asimov.data.injections.empty());
    CHECK_FALSE(fits_observed(asimov));
    CHECK(sample.data.fitted_sample() == "other");
    CHECK(fits_weighted_sample(sample));
    CHECK_FALSE(fits_observed(sample));
    CHECK(sample.parameters == campaign.parameters);
}

TEST_CASE("an injection whose sample is not in the ratio file is named", "[measurement]") {
    CHECK_THROWS_WITH(fits_of("{ mu = 2.0, sample = \"nowhere\" }"), Contains("nowhere"));
}

TEST_CASE("a truth that the fit misses is named, events of a sample have three errors",
          "[measurement]") {
    Campaign campaign = parse_campaign(
        test::example_campaign_text("[data]\nasimov = { mu = 1.0 }\ninjections = [{ mu = "
                                    "2.0 }, { mu = 2.0, sample = \"other\" }]\n"),
        ".");
    StatisticalModel model;
    model.parameters = {{.name = "mu"}};
    FitRecord record;
    record.fit.poi = "mu";
    record.fit.parameters.resize(1);
    record.fit.parameters[0].name = "mu";
    record.fit.parameters[0].error = 0.25;
    const auto missed = [&](double fitted, double expected, double thrown) {
        record.fit.parameters[0].value = fitted;
        record.injections = {{"a", "", true, {{"mu", 2.0, expected, 0.25}}, 0.05},
                             {"b", "", true, {{"mu", 2.0, thrown, 0.25}}}};
        return missed_truths(campaign, model, record);
    };

    CHECK_FALSE(missed(1.04, 2.04, 2.7));
    const std::string all = missed(-0.1, 1.0, 3.0).value();
    CHECK_THAT(all, Contains("mu = 1 gives -0.1 +- 0.25, 4.4 errors away"));
    CHECK_THAT(all, Contains("; 2 others are missed as well"));
    CHECK_THAT(all, Contains("folds = 2"));
    CHECK_THAT(missed(1.06, 2.04, 2.7).value(), !Contains("others"));  // 0.24 errors
    CHECK(missed(1.04, 2.06, 2.7));
    record.simulation = SimulationNoise{{}, 0.15 * 0.25};  // twice of that is a chance
    CHECK_FALSE(missed(1.06, 2.04, 2.7));
    CHECK_THAT(
        missed(1.08, 2.04, 2.7).value(),
        Contains("(the finite number of fitted events alone makes about 0.15, that of training"));

    campaign.split.folds = 2;  // all events train, and all are fitted
    CHECK_THAT(missed(1.08, 2.04, 2.7).value(), Contains("makes about 0.15)"));
    campaign.unbinned.front().ratios = "others.h5";
    const std::string foreign = missed(1.08, 2.06, 2.7).value();
    CHECK_THAT(foreign, Contains("; another truth is missed as well. The ratios are biased"));
    CHECK_THAT(foreign, !Contains("train"));
}

TEST_CASE("the spread of Asimov data by their finite samples is that of samples drawn anew",
          "[measurement]") {
    const std::array<std::size_t, 3> s_events{10, 20, 30};
    const std::array<std::size_t, 3> b_events{60, 40, 20};
    auto ratios = test::example_ratios(test::example_set("S", s_events, 100.0 / 60.0),
                                       test::example_set("B", b_events, 100.0 / 120.0),
                                       test::example_set("data", {1, 1, 1}));
    const auto ratio = [&](std::size_t process, std::size_t bin) {
        const double s = static_cast<double>(s_events[bin]) / 60.0;
        const double b = static_cast<double>(b_events[bin]) / 120.0;
        return (process == 0 ? s : b) / (0.5 * (s + b));
    };
    ratios.log_r = [&](std::size_t process, std::size_t bin) {
        return std::log(ratio(process, bin));
    };
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), ratios);
    const Campaign campaign = parse_campaign(
        test::example_campaign_text("[data]\nasimov = { mu = 1.0 }\n"), folder.path());
    const RatioFiles files = open_ratio_files(campaign, folder / "ratios.h5");
    const mpi::Communicator alone;

    const double spread =
        sampling_spread(alone, campaign, model_for_ratios(campaign, files), files);

    PhiloxSequence random(5);
    double squares = 0.0;
    double information = 0.0;
    constexpr int draws = 2000;
    for (int draw = 0; draw < draws; ++draw) {
        std::array<double, 3> weight{};
        const auto add = [&](const std::array<std::size_t, 3>& events, std::size_t n) {
            for (std::size_t k = 0; k < n; ++k) {
                const double u = random.uniform() * static_cast<double>(n);
                const auto first = static_cast<double>(events[0]);
                const auto second = static_cast<double>(events[0] + events[1]);
                weight[u < first ? 0 : u < second ? 1 : 2] += 100.0 / static_cast<double>(n);
            }
        };
        add(s_events, 60);
        add(b_events, 120);
        double mu = 1.0;
        for (int step = 0; step < 20; ++step) {
            double gradient = 100.0;
            information = 0.0;
            for (std::size_t b = 0; b < 3; ++b) {
                const double y = ratio(0, b) / (mu * ratio(0, b) + ratio(1, b));
                gradient -= weight[b] * y;
                information += weight[b] * y * y;
            }
            mu -= gradient / information;
        }
        squares += (mu - 1.0) * (mu - 1.0) * information / draws;
    }
    CHECK(spread == Approx(std::sqrt(squares)).epsilon(0.06));
}
