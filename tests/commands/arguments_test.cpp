#include "ratiofarm_test/catch.hpp"

#include "commands/command.hpp"

using namespace ratiofarm;

namespace {

const Command sample_command{
    .name = "sample",
    .summary = "For this test.",
    .positional = {"CAMPAIGN.toml"},
    .options = {{"workers", "N", "a number", "1"}, {"json", "", "a flag"}}};

Arguments parsed(const std::vector<std::string>& words) { return {sample_command, words}; }

}  // namespace

TEST_CASE("positional arguments, options and flags are told apart in any order", "[commands]") {
    const auto words = GENERATE(values<std::vector<std::string>>(
        {{"a.toml", "--workers", "4", "--json"}, {"--json", "--workers=4", "a.toml"}}));

    const Arguments arguments = parsed(words);

    CHECK(arguments.positional() == std::vector<std::string>{"a.toml"});
    CHECK(arguments.integer("workers", 1, 10) == 4);
    CHECK(arguments.has("json"));
}

TEST_CASE("absent options have their defaults, absent flags are off", "[commands]") {
    const Arguments arguments = parsed({});

    CHECK(arguments.positional().empty());
    CHECK(arguments.integer("workers", 1, 10) == 1);
    CHECK_FALSE(arguments.has("json"));
}

TEST_CASE("unknown options, surplus arguments and values out of range are refused", "[commands]") {
    CHECK_THROWS_AS(parsed({"--worker", "4"}), ConfigError);
    CHECK_THROWS_AS(parsed({"--workers"}), ConfigError);
    CHECK_THROWS_AS(parsed({"a.toml", "b.toml"}), ConfigError);
    CHECK_THROWS_AS(parsed({"--workers", "11"}).integer("workers", 1, 10), ConfigError);
    CHECK_THROWS_AS(parsed({"--workers", "x"}).number("workers", 1, 10), ConfigError);
}
