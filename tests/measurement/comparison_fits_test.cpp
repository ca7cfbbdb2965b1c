#include "measurement/comparison_fits.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// The file holds wrong ratios, so that only the events and their densities can give the right fit.
test::ExampleRatios example(bool with_density) {
    auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                       test::example_set("B", {120, 200, 280}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.log_r = [](std::size_t process, std::size_t bin) {
        return process == 0 ? 0.1 * static_cast<double>(bin) : 0.0;
    };
    if (with_density) {
        ratios.log_density = [sets = ratios.sets](std::size_t process, std::size_t bin) {
            return std::log(sets[process].shares()[bin]);
        };
    }
    return ratios;
}

/// The fit with the true ratios: those of the densities, and of histograms with a bin for each x.
test::SlowFit exact(const test::ExampleRatios& ratios, const test::Bins& n) {
    test::SlowFit slow{.n = n};
    const test::Bins p_s = ratios.sets[0].shares();
    const test::Bins p_b = ratios.sets[1].shares();
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        const double reference = 0.5 * p_s[b] + 0.5 * p_b[b];
        slow.r_s[b] = p_s[b] / reference;
        slow.r_b[b] = p_b[b] / reference;
    }
    return slow;
}

/// Expected events in each bin at mu.
test::Bins expected(const test::ExampleRatios& ratios, double mu) {
    test::Bins n{};
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        n[b] = 100.0 * mu * ratios.sets[0].shares()[b] + 100.0 * ratios.sets[1].shares()[b];
    }
    return n;
}

std::vector<ComparisonFit> fits_of(const test::ExampleRatios& ratios,
                                   const std::string& more,
                                   const std::vector<double>& points = {}) {
    const test::TemporaryDirectory folder;
    const auto samples = test::write_example(folder.path(), ratios);
    const Campaign campaign = parse_campaign(test::example_campaign_text(more), folder.path());
    const RatioFiles files = open_ratio_files(campaign, folder / "ratios.h5");
    const StatisticalModel model = model_for_ratios(campaign, files);
    return comparison_fits(campaign, model, files, samples, points, Log());
}

}  // namespace

TEST_CASE("a fit with exact densities is the fit with their ratios", "[measurement]") {
    const test::ExampleRatios ratios = example(true);

    const auto fits = fits_of(ratios, "[data]\nsample = \"data\"\n", {0.5, 2.0});

    REQUIRE(fits.size() == 2);
    CHECK(fits[0].label == "exact ratios");
    const test::SlowFit slow = exact(ratios, {90.0, 60.0, 50.0});
    const FittedParameter& mu = fits[0].fit.parameters.front();
    CHECK(mu.value == Approx(slow.estimate()).epsilon(1e-6));
    CHECK(mu.error == Approx(slow.error()).epsilon(1e-5));
    REQUIRE(fits[0].fit.scan.size() == 2);
    CHECK(fits[0].fit.scan[0].poi == 0.5);
    CHECK(fits[0].fit.scan[1].poi == 2.0);
}

TEST_CASE("a histogram with a bin for every value is the binned likelihood", "[measurement]") {
    const test::ExampleRatios ratios = example(false);

    const auto fits = fits_of(ratios, "[data]\nsample = \"data\"\n");

    REQUIRE(fits.size() == 1);  // the events file has no densities
    CHECK_THAT(fits[0].label, Contains("histogram of x ("));
    // The last bin of quantile edges holds its upper edge, too: x = 1 and 2 may share one.
    const test::SlowFit fine = exact(ratios, {90.0, 60.0, 50.0});
    test::SlowFit coarse = fine;
    const test::Bins p_s = ratios.sets[0].shares();
    const test::Bins p_b = ratios.sets[1].shares();
    const double reference = 0.5 * (p_s[1] + p_s[2]) + 0.5 * (p_b[1] + p_b[2]);
    for (const std::size_t b : {1U, 2U}) {
        coarse.r_s[b] = (p_s[1] + p_s[2]) / reference;
        coarse.r_b[b] = (p_b[1] + p_b[2]) / reference;
    }
    const bool joined = fits[0].label == "histogram of x (2 bins)";
    const test::SlowFit& slow = joined ? coarse : fine;
    CHECK(fits[0].fit.parameters.front().value == Approx(slow.estimate()).epsilon(1e-6));
    CHECK(fits[0].fit.parameters.front().error == Approx(slow.error()).epsilon(1e-5));
}

TEST_CASE("comparison fits of Asimov data find their truth, wherever they come from",
          "[measurement]") {
    const test::ExampleRatios ratios = example(true);
    for (const char* source : {"samples", "reference"}) {
        const auto fits = fits_of(
            ratios, "[data]\nasimov = { mu = 2.0, source = \"" + std::string(source) + "\" }\n");

        INFO(source);
        REQUIRE(fits.size() == 2);
        const test::SlowFit slow = exact(ratios, expected(ratios, 2.0));
        for (const ComparisonFit& comparison : fits) {
            CHECK(comparison.fit.parameters.front().value == Approx(2.0).epsilon(1e-6));
        }
        CHECK(fits[0].fit.parameters.front().error == Approx(slow.error()).epsilon(1e-5));
    }
}

TEST_CASE("comparison fits hold systematics fixed and say so", "[measurement]") {
    const auto fits =
        fits_of(example(true),
                "[data]\nasimov = { mu = 1.0 }\n[[systematic]]\nname = \"norm\"\nshape = []\n"
                "yield = { B = { up = 1.2, down = 0.8 } }\n");

    REQUIRE(fits.size() == 2);
    for (const ComparisonFit& comparison : fits) {
        CHECK_THAT(comparison.label, Contains(", without systematics"));
        CHECK(find_fitted(comparison.fit, "alpha_norm")->fixed);
        CHECK(find_fitted(comparison.fit, "mu")->error > 0.0);
    }
}

TEST_CASE("there is nothing to compare several regions with", "[measurement]") {
    const test::TemporaryDirectory folder;
    const auto samples = test::write_example(folder.path(), example(true));
    const Campaign campaign = parse_campaign(test::example_campaign_text(), folder.path());
    RatioFiles files = open_ratio_files(campaign, folder / "ratios.h5");
    const StatisticalModel model = model_for_ratios(campaign, files);
    StatisticalModel with_bins = model;
    with_bins.binned = {{"CR", {{.name = "B", .contents = {1.0}, .coefficient = {}}}}};
    files.push_back(files.front());

    CHECK(comparison_fits(campaign, model, files, samples, {}, Log()).empty());
    files.pop_back();
    CHECK(comparison_fits(campaign, with_bins, files, samples, {}, Log()).empty());
}
