#include "ratiofarm/physics/coefficient.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

const std::vector<std::string> names{"mu", "kappa"};

Coefficient parse(std::string_view text) { return Coefficient::parse(text, names); }

std::string message_of(std::string_view text) {
    try {
        parse(text);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a coefficient is a sum of products of powers", "[physics]") {
    const Coefficient c = parse("mu - sqrt(mu)");

    REQUIRE(c.terms == std::vector<CoefficientTerm>{{1.0, {{"mu", 1.0}}}, {-1.0, {{"mu", 0.5}}}});
}

TEST_CASE("products are expanded and like terms merged", "[physics]") {
    CHECK(parse("(mu - sqrt(mu)) * (mu + sqrt(mu))") == parse("mu^2 - mu"));
    CHECK(parse("sqrt(mu) * sqrt(mu)") == parse("mu"));
    CHECK(parse("(1 + mu)^2") == parse("1 + 2*mu + mu^2"));
    CHECK(parse("2*kappa*mu*3") == parse("6*mu*kappa"));
    CHECK(parse("mu / 4 - -mu") == parse("1.25*mu"));
    CHECK(parse("sqrt(mu^3)") == parse("mu^1.5"));
    CHECK(parse("mu - mu").terms.empty());
}

TEST_CASE("the canonical text parses to the same value", "[physics]") {
    for (const auto* text : {"mu - sqrt(mu)", "sqrt(mu)", "1 - sqrt(mu)", "0", "-mu",
                             "(mu - sqrt(mu))/(10 - sqrt(10))", "0.1*mu^2*kappa - 1e-7*kappa^1.5",
                             "-3 + 1.0000000000000002*kappa"}) {
        const Coefficient c = parse(text);
        CHECK(parse(c.text()) == c);
        CHECK(parse(c.text()).text() == c.text());
    }
    CHECK(parse("mu-1.0*mu^.5").text() == "mu - sqrt(mu)");
}

TEST_CASE("a root is a power that is not whole", "[physics]") {
    const Coefficient c = parse("mu*kappa - mu^1.5");

    CHECK(c.has_root_of("mu"));
    CHECK_FALSE(c.has_root_of("kappa"));
    CHECK_FALSE(parse("sqrt(mu) * sqrt(mu)").has_root_of("mu"));
}

TEST_CASE("a mistake in a coefficient is named with its place", "[physics]") {
    using Catch::Matchers::Contains;

    CHECK_THAT(message_of("mu - sqr(mu)"), Contains("unknown parameter 'sqr' at character 6") &&
                                               Contains("did you mean 'sqrt'"));
    CHECK_THAT(message_of("mu + kapa"), Contains("did you mean 'kappa'"));
    CHECK_THAT(message_of("mu +"), Contains("expected a number, a parameter"));
    CHECK_THAT(message_of("mu mu"), Contains("cannot understand 'm' at character 4"));
    CHECK_THAT(message_of("(mu"), Contains("')' is missing"));
    CHECK_THAT(message_of("1 / mu"), Contains("only a number"));
    CHECK_THAT(message_of("1 / 0"), Contains("only a number"));
    CHECK_THAT(message_of("mu^0.3"), Contains("the power must be"));
    CHECK_THAT(message_of("mu^-1"), Contains("the power must be"));
    CHECK_THAT(message_of("mu^1000000"), Contains("the power must be"));
    CHECK_THAT(message_of("sqrt(mu + 1)"), Contains("sqrt takes one parameter"));
    CHECK_THAT(message_of("sqrt(-2)"), Contains("sqrt takes one parameter"));
    CHECK_THAT(message_of(""), Contains("coefficient ''"));
    CHECK_THAT(message_of("1e999"), Contains("expected a number"));
}
