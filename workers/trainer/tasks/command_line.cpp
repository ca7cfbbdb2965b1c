#include "command_line.hpp"

#include <charconv>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
namespace {

int parse_descriptor(const std::string& text) {
    int value = -1;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < 0) {
        throw ConfigError("--socket " + text + ": must be an open file descriptor, 0 or larger");
    }
    return value;
}

DeviceChoice parse_device(const std::string& text) {
    if (text == "auto") return DeviceChoice::automatic;
    if (text == "cpu") return DeviceChoice::cpu;
    if (text == "cuda") return DeviceChoice::cuda;
    throw ConfigError("--device " + text + ": must be auto, cpu or cuda");
}

}  // namespace

const char* const trainer_usage =
    "usage: ratiofarm-trainer --socket FD [--device auto|cpu|cuda]\n"
    "       ratiofarm-trainer --self-test [--device auto|cpu|cuda] | --version | --help\n"
    "Trains and evaluates networks for a rank of ratiofarm, which starts it by itself.\n";

TrainerCommandLine parse_command_line(const std::vector<std::string>& arguments) {
    using Action = TrainerCommandLine::Action;
    TrainerCommandLine parsed;
    for (std::size_t index = 0; index < arguments.size(); ++index) {
        const std::string& option = arguments[index];
        const auto value = [&]() -> const std::string& {
            if (index + 1 == arguments.size()) throw ConfigError(option + " needs a value");
            return arguments[++index];
        };
        if (option == "--socket") {
            parsed.socket = parse_descriptor(value());
        } else if (option == "--device") {
            parsed.device = parse_device(value());
        } else if (option == "--version") {
            parsed.action = Action::version;
        } else if (option == "--help") {
            parsed.action = Action::help;
        } else if (option == "--self-test") {
            parsed.action = Action::self_test;
        } else {
            throw ConfigError("unknown option " + option + "\n" + trainer_usage);
        }
    }
    if (parsed.action == Action::serve && parsed.socket < 0) {
        throw ConfigError(std::string("--socket is missing\n") + trainer_usage);
    }
    return parsed;
}

}  // namespace ratiofarm::trainer
