#include "results/fit_json.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "tests/report/sample_record.hpp"

using namespace ratiofarm;
using ratiofarm::test::sample_record;

TEST_CASE("a fit record read back and written again has the same bytes", "[report]") {
    const std::string text = fit_json(sample_record());

    const FitRecord read = parse_fit_json(text);

    CHECK(fit_json(read) == text);
}

TEST_CASE("every number of a fit survives JSON to the last bit", "[report]") {
    const FitRecord record = sample_record();

    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(read.campaign == record.campaign);
    CHECK(read.inputs == record.inputs);
    CHECK(read.fit.nll == record.fit.nll);
    CHECK(read.fit.edm == record.fit.edm);
    CHECK(read.fit.passes == record.fit.passes);
    CHECK(read.fit.covariance == record.fit.covariance);
    CHECK(read.fit.parameters.at(0).value == record.fit.parameters.at(0).value);
    CHECK(read.fit.parameters.at(0).error == record.fit.parameters.at(0).error);
    CHECK(read.fit.parameters.at(1).fixed);
    CHECK(read.fit.minima.at(1).parameters == record.fit.minima.at(1).parameters);
    CHECK(read.fit.scan.at(0).t == record.fit.scan.at(0).t);
    CHECK(read.fit.scan.at(0).parameters == record.fit.scan.at(0).parameters);
    CHECK_FALSE(read.fit.scan.at(1).converged);
    CHECK(read.fit.parameters.at(0).error_low == record.fit.parameters.at(0).error_low);
    CHECK_FALSE(read.fit.parameters.at(1).error_low.has_value());
    CHECK(read.fit.guards.events == record.fit.guards.events);
    CHECK(read.fit.warnings == record.fit.warnings);
    CHECK(read.fit.at_rounding);
    CHECK(read.fit.pass_counts.intervals == record.fit.pass_counts.intervals);
    CHECK(read.fit.condition_number == record.fit.condition_number);
    CHECK(*read.fit.parameters.at(2).pull == *record.fit.parameters.at(2).pull);
    CHECK(*read.fit.parameters.at(2).constraint == *record.fit.parameters.at(2).constraint);
    CHECK(read.fit.parameters.at(2).group == "theory");
    CHECK(read.fit.impacts.at(0).others_fixed == record.fit.impacts.at(0).others_fixed);
    CHECK(read.fit.impacts.at(0).refit_up == record.fit.impacts.at(0).refit_up);
    CHECK_FALSE(read.fit.impacts.at(0).refit_down.has_value());
    CHECK(read.fit.breakdown.groups.at(0).frozen == record.fit.breakdown.groups.at(0).frozen);
    CHECK(read.fit.flat_directions.at(0).leading.at(1).share == -0.6);
    CHECK(read.fit.normalisations.at(0).z_of_reference == 1.0 + 3e-9);
    CHECK(read.fit.guards.clipped_anchors.at(0).count == 7);
    CHECK(read.fit.scan.at(1).interpolated);
    CHECK(read.starts == 6);
    CHECK(read.samples == record.samples);
    CHECK(read.finite_mc->fit_value == 1.0 / 3.0);
    CHECK(read.finite_mc->inflation == 1.1);
    CHECK(read.finite_mc->direction_sigma == 0.07);
    CHECK(read.finite_mc->replicas->nets == std::vector<std::uint32_t>{0, 2});
    CHECK(read.finite_mc->replicas->sigma == record.finite_mc->replicas->sigma);
    CHECK_FALSE(read.finite_mc->members.has_value());
    CHECK_FALSE(read.finite_mc->wifi->converged);
    CHECK(read.finite_mc->direction == record.finite_mc->direction);
    CHECK(read.finite_mc->warnings == record.finite_mc->warnings);
    CHECK(read.model.regions.at(1).bins == 3);
    CHECK(read.limits->limits.observed == record.limits->limits.observed);
    CHECK(read.limits->limits.scan.at(0).observed.cls == 0.2);
    CHECK(read.limits->limits.statistic == TestStatistic::q);
    CHECK_FALSE(read.limits->limits.expected[4].has_value());
    CHECK(read.limits->discovery.significance == 1.2);
    CHECK(read.shapes.shapes.at(0).significance == record.shapes.shapes.at(0).significance);
    CHECK(read.shapes.shapes.at(0).information == record.shapes.shapes.at(0).information);
    CHECK(read.shapes.shapes.at(0).left_out);
    CHECK(read.shapes.untreated.at(0).untreated == 0.7213);
    CHECK_FALSE(read.shapes.left_out_error.has_value());
    CHECK(read.comparisons.at(0).label == record.comparisons.at(0).label);
    CHECK(read.comparisons.at(0).fit.parameters.at(0).error ==
          record.comparisons.at(0).fit.parameters.at(0).error);
}

TEST_CASE("doubts about the finite simulation and the limits are doubts about the fit",
          "[report]") {
    FitRecord record = sample_record();
    record.fit.warnings = {"of the fit"};
    record.limits->warnings = {"of the limits"};

    CHECK(warnings_of(record) ==
          std::vector<std::string>{"of the fit", "finite simulation: 2 replicas", "of the limits"});
}

TEST_CASE("t is divided by the variances that the likelihood lacks", "[report]") {
    FitRecord record = sample_record();
    record.finite_mc->inflation = 1.25;
    CHECK(inflation_of(record) == 1.25);

    record.shapes.left_out_error = 0.5;
    record.shapes.noise_error = 0.25;
    record.shapes.noises = {{"alpha", 0.25}};
    record.shapes.error_without = 0.25;
    record.shapes.untreated.at(0).shift = -0.3;
    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(inflation_of(read) == Approx(1.25 + 4.0 + 1.0).epsilon(1e-15));
    CHECK(read.shapes.noises.at(0).parameter == "alpha");
    CHECK(read.shapes.noises.at(0).shift == 0.25);
    CHECK(read.shapes.untreated.at(0).shift == -0.3);
    CHECK(inflation_of(FitRecord{}) == 1.0);
}

TEST_CASE("the fit file says which definition its numbers follow", "[report]") {
    const std::string text = fit_json(sample_record());

    for (const char* key :
         {"\"schema\": \"ratiofarm.fit/2\"", "\"poi\": \"mu\"", "\"converged\"", "\"edm\"",
          "\"passes\"", "\"correlation\"", "\"covariance\"", "\"impacts\"", "\"minima\"",
          "\"guards\"", "\"definitions\"", "\"error_low\"", "\"error_high\""}) {
        INFO(key);
        CHECK(text.find(key) != std::string::npos);
    }
}

TEST_CASE("a singular Hessian has no condition number in the file", "[report]") {
    FitRecord record = sample_record();
    record.fit.condition_number = std::numeric_limits<double>::infinity();

    const std::string text = fit_json(record);

    CHECK(text.find("\"condition_number\": null") != std::string::npos);
    CHECK(std::isinf(parse_fit_json(text).fit.condition_number));
}

TEST_CASE("a model is summed up region by region", "[report]") {
    StatisticalModel model;
    model.parameters = {{.name = "mu"},
                        {.name = "beta", .fixed = true},
                        {.name = "alpha", .constraint = {Constraint::Kind::gaussian}}};
    SystematicEffect both{.parameter = "alpha", .yield = Anchors{1.1, 0.9}, .shape = true};
    model.unbinned = {{"SR", {{"S", 10.0, {}, {both}}, {"B", 20.0, {}, {}}}, ShapeNorm::none}};
    model.binned = {{"CR", {{.name = "B", .contents = {1.0, 2.0}, .coefficient = {}}}}};

    const ModelSummary summary = summary_of(model);

    CHECK(summary.parameters == 3);
    CHECK(summary.free == 2);
    CHECK(summary.constrained == 1);
    REQUIRE(summary.regions.size() == 2);
    CHECK(summary.regions[0].processes == std::vector<std::string>{"S", "B"});
    CHECK(summary.regions[0].shape_norm == "none");
    CHECK(summary.regions[0].yield_effects == 1);
    CHECK(summary.regions[0].shape_effects == 1);
    CHECK(summary.regions[1].kind == "binned");
    CHECK(summary.regions[1].bins == 2);
}

TEST_CASE("a number that is not finite is null in the file and NaN when read", "[report]") {
    FitRecord record = sample_record();
    record.fit.edm = std::numeric_limits<double>::infinity();

    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(std::isnan(read.fit.edm));
}

TEST_CASE("noise that was not measured is null in the file and NaN when read", "[report]") {
    FitRecord record = sample_record();
    ShapeRecord::Shape& shape = record.shapes.shapes.at(0);
    shape.significance.noise_variance = shape.information = std::nan("");

    const ShapeRecord::Shape read = parse_fit_json(fit_json(record)).shapes.shapes.at(0);

    CHECK(std::isnan(read.significance.noise_variance));
    CHECK(std::isnan(read.information));
    CHECK(read.significance.gain == shape.significance.gain);
}

TEST_CASE("what did not converge is listed: fit, interval, scan, injection", "[report]") {
    FitRecord record;
    record.fit.converged = true;
    record.fit.scan = {{0.0, 0.0, {}, true}};
    record.injections = {{"mu = 2", "", true, {}}};

    CHECK(not_converged(record).empty());
    record.fit.converged = false;
    record.fit.parameters = {{.name = "mu", .interval_failed = true}};
    record.fit.scan.push_back({1.0, 0.0, {}, false});
    record.injections[0].converged = false;
    const auto lines = not_converged(record);
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == "the fit did not converge");
    CHECK(lines[1] == "the interval of 'mu' did not converge");
    CHECK(lines[2] == "1 of 2 points of the scan did not converge");
    CHECK(lines[3] == "the fit of the injection 'mu = 2' did not converge");
}

TEST_CASE("a damaged fit file is refused with the reason", "[report]") {
    using Catch::Matchers::Contains;
    std::string unknown = fit_json(sample_record());
    unknown.replace(unknown.find("ratiofarm.fit/2"), 15, "ratiofarm.fit/9");

    CHECK_THROWS_WITH(parse_fit_json(unknown), Contains("ratiofarm.fit/9"));
    CHECK_THROWS_WITH(parse_fit_json("{}"), Contains("schema"));
    CHECK_THROWS_AS(parse_fit_json("{\"schema\": 3}"), DataError);
    CHECK_THROWS_AS(parse_fit_json(fit_json(sample_record()).substr(0, 200)), DataError);
}

TEST_CASE("the spread of estimates is their standard deviation, with its error", "[report]") {
    EstimateSpread spread{.nets = {0, 1, 2}, .estimates = {1.0, 2.0, 6.0}};
    set_spread(spread);
    CHECK(spread.mean == 3.0);
    CHECK(spread.sigma == Approx(std::sqrt(7.0)));
    CHECK(spread.sigma_error == Approx(std::sqrt(7.0) / 2.0));

    EstimateSpread single{.nets = {0}, .estimates = {1.0}};
    set_spread(single);
    CHECK(single.sigma == 0.0);
}
