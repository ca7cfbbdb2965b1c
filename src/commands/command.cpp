#include "command.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

namespace po = boost::program_options;
po::options_description described(const Command& command);  // help.cpp

namespace {

std::vector<std::string> option_names(const Command& command) {
    std::vector<std::string> names{"--help", "--quiet", "--verbose"};
    if (command.ranks == Ranks::all) names.push_back("--ranks");
    for (const Option& option : command.options) names.push_back("--" + option.name);
    return names;
}

[[noreturn]] void refuse(const Command& command, const std::string& problem) {
    throw ConfigError(
        fmt::format("{}: {}; see 'ratiofarm {} --help'", command.name, problem, command.name));
}

}  // namespace

Arguments::Arguments(const Command& command, std::span<const std::string> words) {
    try {
        const auto options = described(command);
        const auto parsed =
            po::command_line_parser({words.begin(), words.end()})
                .options(options)
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .allow_unregistered()
                .run();
        for (const auto& item : parsed.options) {
            if (item.unregistered) {
                const auto word = item.original_tokens.front();
                refuse(command, fmt::format("unknown option '{}'{}", word,
                                            did_you_mean(word, option_names(command))));
            }
            if (item.position_key >= 0) {
                positional_.insert(positional_.end(), item.value.begin(), item.value.end());
            } else if (item.string_key == "help") {
                help_ = true;
            } else {
                given_.push_back({item.string_key, item.value.empty() ? "" : item.value.front()});
            }
        }
    } catch (const po::error& error) {
        refuse(command, error.what());
    }
    if (help_) return;
    if (positional_.size() > command.positional.size()) {
        refuse(command,
               fmt::format("unexpected argument '{}'", positional_[command.positional.size()]));
    }
    if (positional_.size() < command.required_positional) {
        refuse(command, fmt::format("{} is missing", command.positional[positional_.size()]));
    }
    for (const Option& option : command.options) {
        if (!option.default_value.empty() && !has(option.name)) {
            given_.push_back({option.name, option.default_value});
        }
    }
}

bool Arguments::has(std::string_view option) const {
    return std::any_of(given_.begin(), given_.end(),
                       [&](const Given& given) { return given.option == option; });
}

std::string Arguments::text(std::string_view option) const {
    const auto found = std::find_if(given_.rbegin(), given_.rend(),
                                    [&](const Given& given) { return given.option == option; });
    return found == given_.rend() ? std::string() : found->value;
}

std::vector<std::string> Arguments::texts(std::string_view option) const {
    std::vector<std::string> values;
    for (const Given& given : given_) {
        if (given.option == option) values.push_back(given.value);
    }
    return values;
}

double Arguments::number(std::string_view option, double low, double high) const {
    const std::string value = text(option);
    double result = 0.0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size() ||
        !(result >= low && result <= high)) {
        throw ConfigError(
            fmt::format("--{} = '{}': must be a number from {} to {}", option, value, low, high));
    }
    return result;
}

std::uint64_t Arguments::integer(std::string_view option,
                                 std::uint64_t low,
                                 std::uint64_t high) const {
    const std::string value = text(option);
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size() || result < low ||
        result > high) {
        throw ConfigError(
            fmt::format("--{} = '{}': must be an integer from {} to {}", option, value, low, high));
    }
    return result;
}

const std::vector<Command>& all_commands() {
    static const std::vector<Command> commands = [] {
        std::vector<Command> all;
#define RATIOFARM_ADD(name) all.push_back(name##_command());
#define RATIOFARM_ADD_STAGES() std::ranges::copy(stage_commands(), std::back_inserter(all));
        RATIOFARM_COMMANDS(RATIOFARM_ADD, RATIOFARM_ADD_STAGES)
#undef RATIOFARM_ADD
#undef RATIOFARM_ADD_STAGES
        return all;
    }();
    return commands;
}

}  // namespace ratiofarm
