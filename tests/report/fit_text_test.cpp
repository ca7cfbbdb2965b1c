#include "report/fit_text.hpp"

#include <sstream>
#include <string>

#include "ratiofarm_test/catch.hpp"

#include "report/statistic_text.hpp"

#include "sample_record.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using ratiofarm::test::sample_record;

TEST_CASE("a value is printed to two digits of its error", "[report]") {
    CHECK(with_error(1.00312, 0.4776) == "1.00 +- 0.48");
    CHECK(with_error(1.00312, 0.0123) == "1.003 +- 0.012");
    CHECK(with_error(1234.5, 56.7) == "1234 +- 57");
    CHECK(with_error(0.5, 0.0) == "0.5");
}

TEST_CASE("the text of a fit starts with the parameter of interest", "[report]") {
    const std::string text = fit_text(sample_record());

    CHECK(text.substr(0, text.find('\n')) == "mu = 1.03 +- 0.48");
}

TEST_CASE("the text of a fit shows what needs attention", "[report]") {
    FitRecord record = sample_record();
    record.fit.converged = false;
    record.fit.parameters[0].at_bound = true;

    const std::string text = fit_text(record);

    CHECK_THAT(text, Contains("kappa = 2 (fixed)"));
    CHECK_THAT(text, Contains("at the bound"));
    CHECK_THAT(text, Contains("NOT CONVERGED"));
    CHECK_THAT(text,
               Contains("other minimum: mu = 3.645, kappa = 2, alpha = 0.1, NLL higher by 0.25"));
    CHECK_THAT(text, Contains("3 events of zero weight skipped"));
    CHECK_THAT(text, Contains("2 events with a mixture that is not positive"));
    CHECK_THAT(text, Contains("warning: two minima are nearly degenerate"));
    CHECK_THAT(text, Contains("exact ratios: mu = 1.03 +- 0.47; error of this fit with "
                              "constrained parameters fixed / its error = 0.7447"));
    record.fit.breakdown = {};
    CHECK_THAT(fit_text(record), Contains("; error of this fit / its error = 1.0161"));
}

TEST_CASE("the scan is printed with the comparison beside it", "[report]") {
    const std::string text = scan_text(sample_record());

    CHECK_THAT(text, Contains("t (1)") && Contains("(1): exact ratios\n"));
    CHECK_THAT(text, Contains("59.697256"));
    CHECK_THAT(text, Contains("1 of 2 points did not converge: their t is only an upper bound"));
    const std::string second = text.substr(text.find("2.708811"));
    CHECK(second.find("NOT CONVERGED") < second.find('\n'));
    CHECK(text.find("NOT CONVERGED") > text.find("2.708811"));
    CHECK(scan_text(FitRecord{}).empty());
}

TEST_CASE("constrained parameters are a table with pull and constraint", "[report]") {
    const std::string text = fit_text(sample_record());

    CHECK_THAT(
        text,
        Contains("alpha            0.1     0.7778          -          -    0.100     0.7778"));
    CHECK_THAT(text, Contains("0.36 (stat) + 0.31 (syst)"));
    CHECK_THAT(text, Contains("theory: 0.31 by global observables, 0.3 by fixing"));
    CHECK_THAT(text, Contains("17 passes over 720000 events (6 to the minimum, 4 for others, 7"));
}

TEST_CASE("the text says what shapes that were left out would have given", "[report]") {
    const std::string text = fit_text(sample_record());

    CHECK(text.find("alpha: error 0.9995; with its shapes, which are not significant, it would be "
                    "0.7213\n") != std::string::npos);
    CHECK(text.find("left out") == std::string::npos);
}

TEST_CASE("fit and impacts say how much of the error is for shapes that were left out",
          "[report]") {
    FitRecord record = sample_record();
    record.shapes.left_out_error = 0.125;
    record.shapes.noise_error = 0.0625;
    record.shapes.noises = {{"beta", 0.0625}};
    record.shapes.error_without = 0.4375;
    record.shapes.untreated.at(0).shift = -0.0625;
    record.shapes.untreated.at(0).shift_noise = 0.03125;

    const std::string text = fit_text(record);
    const std::string impacts = impacts_text(record, ImpactDefinition::global_observable);

    const std::string sentence =
        "the error of mu holds 0.125 for the shapes of 1 parameter(s) that are not significant and "
        "were left out, and 0.0625 for the noise of the shapes of 1 parameter(s); without that it "
        "is "
        "0.4375\n";
    CHECK_THAT(text, Contains(sentence));
    CHECK_THAT(text,
               Contains("0.36 (stat) + 0.31 (syst) + 0.125 (shapes left out) + 0.0625 (noise of "
                        "shapes)"));
    CHECK_THAT(text, Contains("it would be 0.7213, and mu would move by -0.0625 (noise 0.031)"));
    CHECK_THAT(impacts, Contains(sentence));
    CHECK_THAT(impacts, Contains("shapes left out                     0.12500\n"
                                 "noise of shapes                     0.06250\n"));
}

TEST_CASE("the text of impacts says which definition each number follows", "[report]") {
    const std::string text = impacts_text(sample_record(), ImpactDefinition::global_observable);

    CHECK_THAT(text, Contains("impacts on mu, ordered by global_observable"));
    CHECK_THAT(text, Contains("+0.33333     -0.66667     +0.31000\n"));
    CHECK_THAT(text, Contains("           -     +0.32000"));
    for (const char* words :
         {"others_fixed  a parameter moved by the width of its constraint, all others held",
          "refit_shift   a parameter held one error from its value, all others fitted again",
          "global_obs.   what was measured of it moved by its width, all fitted again",
          "held at its value -+ error"}) {
        CHECK_THAT(text, Contains(words));
    }
    FitRecord none = sample_record();
    none.fit.impacts.clear();
    CHECK_THAT(impacts_text(none, ImpactDefinition::refit_shift), Contains("no impacts"));
}

TEST_CASE("the text of limits holds observed, expected and the significance", "[report]") {
    const std::string text = limits_text(sample_record());

    CHECK(text.substr(0, text.find('\n')) ==
          "mu < 0.66667 at 90 % CLs, with Asimov data from the samples at mu = 1 in place of what "
          "is observed");
    FitRecord observed = sample_record();
    observed.data = "events of sample data";
    CHECK(observation_text(observed) == "observed in: events of sample data");
    CHECK_THAT(text,
               Contains("expected 0.3 (-1, +1: 0.2 to 0.4; -2, +2: 0.1 to beyond the range)"));
    CHECK_THAT(text, Contains("Z = 1.2; expected Z = 2 at mu = 1"));
    CHECK_THAT(text, Contains("from q, asymptotic formulae"));
}

TEST_CASE("tables fit a terminal of 80 columns", "[report]") {
    FitRecord record = sample_record();
    record.fit.impacts.at(0).refit_down = -0.3;
    record.fit.impacts.at(0).observable_up = 0.3;
    const std::vector<std::string> texts{limits_text(record), scan_text(record),
                                         impacts_text(record, ImpactDefinition::global_observable)};

    for (const std::string& text : texts) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            const bool is_row = line.find("   ") != std::string::npos;  // sentences are folded
            if (is_row) CHECK((line.size() <= 80 ? "" : line) == "");
        }
    }
}

TEST_CASE("a scan of two parameters is printed as three columns", "[report]") {
    FitRecord record = sample_record();
    record.fit.scan_parameter = "mu,alpha";

    const std::string text = scan_text(record);

    CHECK_THAT(text, Contains("          mu        alpha              t"));
    CHECK_THAT(text, Contains("           2          0.1       2.708811  NOT CONVERGED"));
}
