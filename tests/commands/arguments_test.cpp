#include <algorithm>
#include <sstream>

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

TEST_CASE("every help text fits eighty columns", "[commands]") {
    std::vector<std::string> texts{general_help()};
    for (const Command& command : all_commands()) texts.push_back(help_text(command));
    for (const std::string& text : texts) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= 80);
        }
    }
}

TEST_CASE("the general help has each command once", "[commands]") {
    const std::string text = general_help();
    for (const Command& command : all_commands()) {
        const auto line = "\n  " + command.name + " ";
        const auto first = text.find(line);
        INFO(command.name);
        CHECK(first != std::string::npos);
        CHECK(text.find(line, first + 1) == std::string::npos);
    }
}

TEST_CASE("examples of help texts are command lines of their command", "[commands]") {
    for (const Command& command : all_commands()) {
        for (const std::string& example : command.examples) {
            std::istringstream text(example);
            std::vector<std::string> words;
            bool quoted = false;
            for (std::string word; text >> word;) {
                if (quoted) {
                    words.back() += " " + word;
                } else {
                    words.push_back(word);
                }
                const auto quotes = std::count_if(word.begin(), word.end(), [](char letter) {
                    return letter == '"' || letter == '\'';
                });
                if (quotes % 2 == 1) quoted = !quoted;
            }
            INFO(example);
            REQUIRE(words.front() == command.name);
            CHECK_NOTHROW(Arguments(command, std::span(words).subspan(1)));
        }
    }
}
