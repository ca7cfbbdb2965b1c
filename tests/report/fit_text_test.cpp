#include "ratiofarm/report/fit_text.hpp"

#include <string>

#include "ratiofarm_test/catch.hpp"

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
    CHECK_THAT(text, Contains("other minimum: mu = 3.645, kappa = 2, NLL higher by 0.25"));
    CHECK_THAT(text, Contains("3 events of zero weight skipped"));
    CHECK_THAT(text, Contains("2 events with a mixture that is not positive"));
    CHECK_THAT(text, Contains("warning: two minima are nearly degenerate"));
    CHECK_THAT(text,
               Contains("exact ratios: mu = 1.03 +- 0.47; error of this fit / its error = 1.0161"));
}

TEST_CASE("the scan is printed with the comparison beside it", "[report]") {
    const std::string text = scan_text(sample_record());

    CHECK_THAT(text, Contains("t, exact ratios"));
    CHECK_THAT(text, Contains("59.697256"));
    CHECK(scan_text(FitRecord{}).empty());
}
