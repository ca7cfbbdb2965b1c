#include "results/unblinding.hpp"

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::vector<Unblinding> example() {
    return {{"2026-11-22T12:00:00Z",
             "user@host",
             "closure is fine",
             "aa",
             "bb",
             "cc",
             "mu = 1.00 +- 0.31",
             {}},
            {"2026-11-23T09:30:00Z", "other@node", "\"quoted\", \\ and two\nlines, \xc2\xb5 > 0",
             "dd", "ee", "ff", "mu = 2", "0123"}};
}

std::string error_of(const std::string& text) {
    try {
        parse_unblindings(text);
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("unblindings are read back as they were said", "[results]") {
    CHECK(parse_unblindings(unblindings_json(example())) == example());
    CHECK(parse_unblindings(unblindings_json({})).empty());
}

TEST_CASE("a directory whose data were seen never says that they were not", "[results]") {
    CHECK(blinding_text({"gg", {}, {}}) == "blind: the data have not been looked at");
    CHECK_THAT(
        blinding_text({"gg", {}, example()[0]}),
        Contains("blind again: the data were looked at") && Contains("by user@host because"));
    CHECK_THAT(blinding_text({"aa", example()[0], {}}), Contains("unblinded at 2026-11-22"));
}

TEST_CASE("a reason in another encoding than UTF-8 is kept as far as it can be read", "[results]") {
    std::vector<Unblinding> said = example();
    said[0].reason =
        "gepr\xfc"
        "ft";

    CHECK(parse_unblindings(unblindings_json(said))[0].reason ==
          "gepr\xef\xbf\xbd"
          "ft");
}

TEST_CASE("a key that an unblinding lacks is named", "[results]") {
    const Json whole = Json::parse(unblindings_json(example()));
    for (const char* key : {"time", "by", "reason", "measurement", "inputs", "fit", "expected"}) {
        Json without = whole;
        without["unblindings"][1].erase(key);
        INFO(key);
        CHECK_THAT(error_of(without.dump()),
                   Contains("unblinding.json") && Contains("'" + std::string(key) + "'"));
    }
}

TEST_CASE("what is no record of unblindings is refused", "[results]") {
    Json format = Json::parse(unblindings_json(example()));
    format["format"] = "ratiofarm fit";
    Json version = Json::parse(unblindings_json(example()));
    version["version"] = 2;
    Json number = Json::parse(unblindings_json(example()));
    number["unblindings"][0]["reason"] = 3;

    CHECK_THAT(error_of(format.dump()), Contains("is not 'ratiofarm unblinding' of version 1"));
    CHECK_THAT(error_of(version.dump()), Contains("is not 'ratiofarm unblinding' of version 1"));
    CHECK_THAT(error_of(number.dump()), Contains("damaged or written by another version?"));
    CHECK_THAT(error_of("{}"), Contains("'format'"));
    CHECK_THAT(error_of("no JSON"), Contains("unblinding.json"));
}

TEST_CASE("people read when, by whom and why a fit was unblinded", "[results]") {
    const Blinding blind{"aa", {}};
    const Blinding opened{"aa", example().front()};

    CHECK(blinding_text(blind) == "blind: the data have not been looked at");
    for (const char* part :
         {"2026-11-22T12:00:00Z", "user@host", "closure is fine", "mu = 1.00 +- 0.31"}) {
        CHECK_THAT(blinding_text(opened), Contains(part));
    }
}
