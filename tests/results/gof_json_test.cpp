#include "results/gof_json.hpp"

#include <cmath>
#include <limits>
#include <sstream>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

GofRecord example() {
    GofRecord record{"dimuon", "events of sample data", "mu", 1.0 + 0.1 / 3.0, 997, 3};
    record.tests = {{"SR",
                     "d ln D / d mu",
                     1.0 / 3.0,
                     2.0,
                     0.84,
                     0.81,
                     0.012,
                     {-0.5, 0.5},
                     {3, 4, 5},
                     {2.9, 4.2, 5}},
                    {"CR", "contents", 7.5, 1.0, 0.006, 0.01, 0.003, {}, {10, 20}, {12.5, 17.5}},
                    {"", "all", 8.0, 3.0, 0.04, 0.05, 0.007}};
    return record;
}

Json json_of(const GofRecord& record) { return Json::parse(gof_json(record)); }

std::string error_of(const Json& json) {
    try {
        parse_gof_json(json.dump());
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

/// Words of a line of a text, the first line being 0.
std::vector<std::string> words_of_line(const std::string& text, std::size_t line) {
    std::istringstream lines(text);
    std::string one;
    for (std::size_t k = 0; k <= line; ++k) std::getline(lines, one);
    std::istringstream words(one);
    std::vector<std::string> found;
    while (words >> one) found.push_back(one);
    return found;
}

}  // namespace

TEST_CASE("a goodness of fit is read back to the last bit", "[results]") {
    const GofRecord record = example();

    const GofRecord read = parse_gof_json(gof_json(record));

    CHECK(gof_json(read) == gof_json(record));
    CHECK(read.campaign == record.campaign);
    CHECK(read.data == record.data);
    CHECK(read.poi == record.poi);
    CHECK(read.best == record.best);
    CHECK(read.toys == 997);
    CHECK(read.failed == 3);
    REQUIRE(read.tests.size() == record.tests.size());
    for (std::size_t k = 0; k < read.tests.size(); ++k) {
        CHECK(read.tests[k].region == record.tests[k].region);
        CHECK(read.tests[k].observable == record.tests[k].observable);
        CHECK(read.tests[k].deviance == record.tests[k].deviance);
        CHECK(read.tests[k].ndf == record.tests[k].ndf);
        CHECK(read.tests[k].p_asymptotic == record.tests[k].p_asymptotic);
        CHECK(read.tests[k].p_value == record.tests[k].p_value);
        CHECK(read.tests[k].p_error == record.tests[k].p_error);
        CHECK(read.tests[k].edges == record.tests[k].edges);
        CHECK(read.tests[k].observed == record.tests[k].observed);
        CHECK(read.tests[k].expected == record.tests[k].expected);
    }
}

TEST_CASE("a key of gof.json that is missing is named", "[results]") {
    const Json whole = json_of(example());
    for (const auto& [key, value] : whole.items()) {
        if (key == "made_by") continue;  // for people only
        Json without = whole;
        without.erase(key);
        INFO(key);
        CHECK_THAT(error_of(without), Contains("gof.json") && Contains("'" + key + "'"));
    }
    for (const auto& [key, value] : whole.at("tests").at(0).items()) {
        if (key == "edges" || key == "observed" || key == "expected") continue;
        Json without = whole;
        without["tests"][0].erase(key);
        INFO(key);
        CHECK_THAT(error_of(without), Contains("gof.json") && Contains("'" + key + "'"));
    }
}

TEST_CASE("contents are written where there are bins", "[results]") {
    const Json tests = json_of(example()).at("tests");

    CHECK(tests[0].contains("edges"));
    CHECK_FALSE(tests[1].contains("edges"));
    CHECK(tests[1].at("observed").size() == 2);
    CHECK(tests[1].at("expected").size() == 2);
    CHECK_FALSE(tests[2].contains("observed"));
    CHECK_FALSE(tests[2].contains("expected"));
}

TEST_CASE("another format or version is no goodness of fit", "[results]") {
    Json format = json_of(example());
    format["format"] = "ratiofarm toys";
    Json version = json_of(example());
    version["version"] = 2;

    CHECK_THAT(error_of(format), Contains("is not 'ratiofarm goodness of fit' of version 1"));
    CHECK_THAT(error_of(version), Contains("is not 'ratiofarm goodness of fit' of version 1"));
    CHECK_THROWS_AS(parse_gof_json(""), DataError);
    CHECK_THROWS_AS(parse_gof_json("[]"), DataError);
    CHECK_THROWS_AS(parse_gof_json(gof_json(example()).substr(0, 100)), DataError);
}

TEST_CASE("a deviance that is not finite is null in gof.json and NaN when read", "[results]") {
    GofRecord record = example();
    record.tests[0].deviance = std::numeric_limits<double>::infinity();
    record.tests[1].p_asymptotic = std::nan("");

    const GofRecord read = parse_gof_json(gof_json(record));

    CHECK(json_of(record).at("tests")[0].at("deviance").is_null());
    CHECK(std::isnan(read.tests[0].deviance));
    CHECK(std::isnan(read.tests[1].p_asymptotic));
}

TEST_CASE("the table has a line for each test, with its bins and both p-values", "[results]") {
    const std::string text = gof_text(example());

    CHECK_THAT(text, Contains("997 toys at mu = 1.03333 (3 more did not converge)"));
    CHECK(words_of_line(text, 2) == std::vector<std::string>{"SR", "d", "ln", "D", "/", "d", "mu",
                                                             "3", "0.333", "2", "0.8100", "+-",
                                                             "0.0120", "0.84"});
    CHECK(words_of_line(text, 3) == std::vector<std::string>{"CR", "contents", "2", "7.500", "1",
                                                             "0.0100", "+-", "0.0030", "0.006"});
    CHECK(words_of_line(text, 4) ==
          std::vector<std::string>{"all", "-", "8.000", "3", "0.0500", "+-", "0.0070", "0.04"});
}

TEST_CASE("the columns of the table stand below each other whatever the names", "[results]") {
    GofRecord record = example();
    record.failed = 0;
    record.tests[1].region = "a control region with a long name";
    const std::string text = gof_text(record);

    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    CHECK(line.find("did not converge") == std::string::npos);
    std::getline(lines, line);
    const std::size_t width = line.size();
    std::size_t tests = 0;
    while (std::getline(lines, line)) {
        CHECK(line.size() == width);
        ++tests;
    }
    CHECK(tests == 3);
}
