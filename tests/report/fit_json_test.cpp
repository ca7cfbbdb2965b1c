#include "ratiofarm/report/fit_json.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "sample_record.hpp"

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
    CHECK(read.comparisons.at(0).label == record.comparisons.at(0).label);
    CHECK(read.comparisons.at(0).fit.parameters.at(0).error ==
          record.comparisons.at(0).fit.parameters.at(0).error);
}

TEST_CASE("the fit file says which definition its numbers follow", "[report]") {
    const std::string text = fit_json(sample_record());

    for (const char* key :
         {"\"schema\": \"ratiofarm.fit/1\"", "\"poi\": \"mu\"", "\"converged\"", "\"edm\"",
          "\"passes\"", "\"correlation\"", "\"covariance\"", "\"impacts\"", "\"minima\"",
          "\"guards\"", "\"definitions\"", "\"error_low\"", "\"error_high\""}) {
        INFO(key);
        CHECK(text.find(key) != std::string::npos);
    }
}

TEST_CASE("a number that is not finite is null in the file and NaN when read", "[report]") {
    FitRecord record = sample_record();
    record.fit.edm = std::numeric_limits<double>::infinity();

    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(std::isnan(read.fit.edm));
}

TEST_CASE("a damaged fit file is refused with the reason", "[report]") {
    using Catch::Matchers::Contains;
    std::string unknown = fit_json(sample_record());
    unknown.replace(unknown.find("ratiofarm.fit/1"), 15, "ratiofarm.fit/9");

    CHECK_THROWS_WITH(parse_fit_json(unknown), Contains("ratiofarm.fit/9"));
    CHECK_THROWS_WITH(parse_fit_json("{}"), Contains("schema"));
    CHECK_THROWS_AS(parse_fit_json("{\"schema\": 3}"), DataError);
    CHECK_THROWS_AS(parse_fit_json(fit_json(sample_record()).substr(0, 200)), DataError);
}
