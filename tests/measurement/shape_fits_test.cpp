#include "measurement/shape_fits.hpp"

#include <cmath>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// Shapes of two parameters; that of the second is not significant.
test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {30, 20, 10}),
                                       test::example_set("B", {10, 20, 30}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.log_r = [](std::size_t process, std::size_t bin) {
        const double share_s = (3.0 - static_cast<double>(bin)) / 6.0;
        const double share_b = (1.0 + static_cast<double>(bin)) / 6.0;
        const double reference = 0.5 * share_s + 0.5 * share_b;
        return std::log((process == 0 ? share_s : share_b) / reference);
    };
    ratios.header.shapes = {{"B", "alpha_tilt"}, {"B", "alpha_noise"}};
    ratios.header.significances = {
        {.gain = 0.02, .gain_error = 0.001, .noise_variance = 0.002},
        {.gain = 1e-5, .gain_error = 1e-4, .noise_variance = 0.03, .significant = false}};
    ratios.log_g = [](std::size_t shape, bool up, std::size_t bin) {
        const double size = shape == 0 ? 0.25 : 0.125;
        return (up ? size : -size) * (static_cast<double>(bin) - 1.0);
    };
    return ratios;
}

std::string text_with(const std::string& null_shapes) {
    return test::example_campaign_text(
        "[data]\nasimov = { mu = 1.0 }\n[[systematic]]\nname = \"tilt\"\n"
        "[[systematic]]\nname = \"noise\"\n[systematics]\nnull_shapes = \"" +
            null_shapes + "\"\n",
        "reference");
}

ShapeRecord record_of(const test::ExampleFit& fitted) {
    return shape_record(fitted.campaign, fitted.ratios, fitted.likelihood, fitted.result, {});
}

StatisticalModel constrained_model(double width) {
    StatisticalModel model;
    model.parameters = {{.name = "mu"},
                        {.name = "alpha", .constraint = {Constraint::Kind::gaussian, 0.0, width}}};
    return model;
}

ShapeRecord::Shape shape_with(double information, bool left_out = false) {
    ShapeSignificance significance;
    significance.noise_variance = 0.01 * information;
    ShapeRecord::Shape shape{"B", "alpha", significance, information};
    shape.left_out = left_out;
    return shape;
}

}  // namespace

TEST_CASE("noise informs about a parameter as often as its process is expected", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(), text_with("norm_only"));

    const ShapeRecord record = record_of(fitted);

    REQUIRE(record.shapes.size() == 2);
    CHECK(record.shapes[0].parameter == "alpha_tilt");
    CHECK(record.shapes[0].process == "B");
    CHECK(record.shapes[0].significance == example().header.significances[0]);
    CHECK(record.shapes[0].information == Approx(100.0 * 0.002).epsilon(1e-6));
    CHECK(record.shapes[1].information == Approx(100.0 * 0.03).epsilon(1e-6));
    CHECK_FALSE(record.shapes[0].left_out);
    CHECK(record.shapes[1].left_out);
    CHECK(std::isnan(record.shapes[1].size));
}

TEST_CASE("the size of a shape is the gain that it promises over the one of held-out events",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(), text_with("keep"));

    const ShapeRecord record = record_of(fitted);

    double promised = 0.0;  // B lies in the bins with 1/6, 2/6 and 3/6
    for (const double side : {0.25, -0.25}) {
        const double below = std::exp(-side) / 6.0;
        const double above = std::exp(side) / 2.0;
        const double varied = side * (above - below) / (below + 1.0 / 3.0 + above);
        promised += 0.25 * (varied - side * (0.5 - 1.0 / 6.0));
    }
    CHECK(record.shapes[0].size == Approx(promised / 0.02).epsilon(1e-6));
}

TEST_CASE("nets that learned a part of a shape, or noise, are named beyond three errors",
          "[measurement]") {
    const auto warnings_of = [](double size, double gain_error) {
        ShapeRecord record;
        record.shapes = {shape_with(0.0)};
        record.shapes[0].significance.gain = 0.01;
        record.shapes[0].significance.gain_error = gain_error;
        record.shapes[0].size = size;
        return shape_warnings(record, constrained_model(1.0));
    };

    CHECK(warnings_of(0.9, 1e-5).empty());   // a slope of 1.11
    CHECK(warnings_of(0.7, 2e-3).empty());   // 1.5 errors
    CHECK(warnings_of(1.24, 1e-5).empty());  // a slope of 0.81
    REQUIRE(warnings_of(0.8, 1e-4).size() == 1);
    CHECK_THAT(warnings_of(0.8, 1e-4)[0], Contains("only a part") && Contains("alpha of B (0.80)"));
    REQUIRE(warnings_of(1.4, 1e-4).size() == 1);
    CHECK_THAT(warnings_of(1.4, 1e-4)[0], Contains("alpha of B (1.40)") && Contains("noise"));
}

TEST_CASE("a parameter without a constraint is named where noise makes a tenth of its information",
          "[measurement]") {
    StatisticalModel model = constrained_model(1.0);
    model.parameters[1].constraint = {};
    FitResult fitted;
    fitted.parameters = {{.name = "mu"}, {.name = "alpha", .error = 0.5}};
    ShapeRecord record;

    record.shapes = {shape_with(0.38)};
    CHECK(noise_of_free_parameters(record, model, fitted).empty());
    record.shapes = {shape_with(0.42)};
    const auto warnings = noise_of_free_parameters(record, model, fitted);
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Contains("10 % of what they seem to know of it"));
    CHECK(noise_of_free_parameters(record, constrained_model(1.0), fitted).empty());
}

TEST_CASE("a shape that was left out shows the error with it, without it, and of noise alone",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit without(folder.path(), text_with("norm_only"));
    const test::ExampleFit with(folder.path(), text_with("keep"));

    const ShapeRecord record = record_of(without);

    REQUIRE(record.untreated.size() == 1);
    const ShapeRecord::Untreated& entry = record.untreated.front();
    CHECK(entry.parameter == "alpha_noise");
    CHECK(entry.error == find_fitted(without.result, "alpha_noise")->error);
    CHECK(entry.untreated == Approx(find_fitted(with.result, "alpha_noise")->error).epsilon(1e-6));
    CHECK(entry.untreated < entry.error);
    CHECK(entry.error_by_noise == Approx(1.0 / std::sqrt(1.0 + 3.0)).epsilon(1e-6));
}

TEST_CASE("kept shapes are judged all the same, and nothing is left out", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(), text_with("keep"));

    const ShapeRecord record = record_of(fitted);

    CHECK(record.shapes.size() == 2);
    CHECK_FALSE(record.shapes[1].left_out);
    CHECK(record.untreated.empty());
}

TEST_CASE("shapes that no systematic of the campaign names are not judged", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(
        folder.path(),
        test::example_campaign_text(
            "[data]\nasimov = { mu = 1.0 }\n[[systematic]]\nname = \"tilt\"\n", "reference"));

    const ShapeRecord record = record_of(fitted);

    REQUIRE(record.shapes.size() == 1);
    CHECK(record.shapes[0].parameter == "alpha_tilt");
}

TEST_CASE("noise warns where it alone would constrain by more than two percent", "[measurement]") {
    // 1 / sqrt(1 + information) is 0.98 at this information.
    const double threshold = 1.0 / (0.98 * 0.98) - 1.0;
    ShapeRecord less;
    less.shapes = {shape_with(0.99 * threshold)};
    ShapeRecord more;
    more.shapes = {shape_with(0.6 * threshold), shape_with(0.6 * threshold)};

    CHECK(shape_warnings(less, constrained_model(1.0)).empty());
    const auto warnings = shape_warnings(more, constrained_model(1.0));
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Contains("the noise of the nets of alpha"));
}

TEST_CASE("the width of the constraint scales what noise must know to warn", "[measurement]") {
    const double threshold = 1.0 / (0.98 * 0.98) - 1.0;
    ShapeRecord record;
    record.shapes = {shape_with(1.5 * threshold / 4.0)};

    CHECK(shape_warnings(record, constrained_model(1.0)).empty());
    CHECK(shape_warnings(record, constrained_model(2.0)).size() == 1);
}

TEST_CASE("noise that is not in the fit or of a free parameter constrains nothing",
          "[measurement]") {
    ShapeRecord record;
    record.shapes = {shape_with(100.0, true), shape_with(std::nan(""), true)};
    StatisticalModel free = constrained_model(1.0);
    free.parameters[1].constraint = {};
    ShapeRecord loud;
    loud.shapes = {shape_with(100.0)};

    CHECK(shape_warnings(record, constrained_model(1.0)).empty());
    CHECK(shape_warnings(loud, free).empty());
}

TEST_CASE("noise that is not known, or is much of the error of mu, is a warning", "[measurement]") {
    ShapeRecord unknown;
    unknown.shapes = {shape_with(std::nan("")), shape_with(0.0)};
    ShapeRecord noisy;
    noisy.shapes = {shape_with(0.0)};
    noisy.noises = {{"alpha", 0.25}};
    noisy.error_without = 1.0;
    noisy.noise_error = 0.31;
    ShapeRecord quiet = noisy;
    quiet.noise_error = 0.29;

    const auto of_unknown = shape_warnings(unknown, constrained_model(1.0));
    const auto of_noisy = shape_warnings(noisy, constrained_model(1.0));
    REQUIRE(of_unknown.size() == 1);
    CHECK_THAT(of_unknown[0],
               Contains("the noise of the nets of 1 shape") && Contains("systematics.halves"));
    REQUIRE(of_noisy.size() == 1);
    CHECK_THAT(of_noisy[0], Contains("holds 0.31 for the noise") && Contains("alpha (0.25)"));
    CHECK(shape_warnings(quiet, constrained_model(1.0)).empty());
}

TEST_CASE("the warning names five parameters whose shapes are left out and counts all",
          "[measurement]") {
    ShapeRecord record;
    for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) {
        record.untreated.push_back({name, 0.9995, 0.7213, 0.9});
    }

    const auto warnings = shape_warnings(record, constrained_model(1.0));

    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Contains("shapes of 7 parameter(s)") &&
                                Contains("a (error 0.9995; 0.7213 with them), b") &&
                                Contains(", e (") && Contains(", ...") && !Contains("f ("));
}
