#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/errors.hpp"

#include "pipeline/run_context.hpp"

namespace ratiofarm {

/// Which ranks run a command.
enum class Ranks {
    root,  ///< only rank 0; the others wait for its exit code
    all,   ///< collective
};

/// Whether a command starts trainers: then their launcher is forked first.
enum class Trainers {
    none,
    used,      ///< to train or evaluate nets
    for_sums,  ///< if its options ask for sums over events by a trainer
};

/// One option; `value` is the placeholder of its argument, empty for a flag.
struct Option {
    std::string name;  ///< without dashes
    std::string value;
    std::string description;
    std::string default_value = {};
};

class Arguments;

/// Under which heading of the general help a command stands.
enum class Group { begin, whole, stage, result, look };

/// One word of the command line: `ratiofarm NAME ...`.
struct Command {
    std::string name;
    Group group = Group::look;
    std::string summary;                     ///< at most 64 characters, no full stop
    std::string details = {};                ///< sentences that follow in the command's own help
    std::vector<std::string> examples = {};  ///< without "ratiofarm"
    std::vector<std::string> positional;  ///< names of positional arguments, e.g. "CAMPAIGN.toml"
    std::size_t required_positional = 0;  ///< how many of them must be given
    std::vector<Option> options;
    Ranks ranks = Ranks::root;
    Trainers trainers = Trainers::none;
    std::function<ExitCode(RunContext&, const Arguments&)> run = {};
};

/// Parsed command line of one command.
class Arguments {
public:
    /// \throws ConfigError naming unknown options (with the nearest known one), missing values and
    /// surplus or missing positional arguments
    Arguments(const Command& command, std::span<const std::string> words);

    bool help() const { return help_; }
    bool has(std::string_view option) const;  ///< given, or has a default
    std::string text(std::string_view option) const;
    /// Every value of an option that may be given several times, in order.
    std::vector<std::string> texts(std::string_view option) const;
    /// \throws ConfigError unless the value is a number in [low, high]
    double number(std::string_view option, double low, double high) const;
    std::uint64_t integer(std::string_view option, std::uint64_t low, std::uint64_t high) const;
    const std::vector<std::string>& positional() const { return positional_; }

private:
    struct Given {
        std::string option;
        std::string value;
    };
    std::vector<Given> given_;
    std::vector<std::string> positional_;
    bool help_ = false;
};

/// The text of `ratiofarm NAME --help`.
std::string help_text(const Command& command);

/// The text of `ratiofarm help`: every command under its heading, within 80 columns.
std::string general_help();

/// \throws ConfigError that names the nearest command
const Command& find_command(const std::string& name);

/// What follows `ratiofarm help`: a command's own help, or the text of --man, --bash, --zsh.
/// \throws ConfigError for another word
std::string help_for(const std::string& word);

/// All commands, those of one group in the order of the help.
const std::vector<Command>& all_commands();

/// The commands that run one stage: search, select, train, gather, infer.
std::vector<Command> stage_commands();

// Every other command in the order of the help, the stages after `run`. NAME_command() is in the
// file named after it.
// clang-format off
#define RATIOFARM_COMMANDS(NAME, STAGES)                                            \
    NAME(init) NAME(import) NAME(export) NAME(check) NAME(plan) NAME(simulate)      \
    NAME(run) STAGES()                                                              \
    NAME(fit) NAME(scan) NAME(impacts) NAME(limits) NAME(toys) NAME(gof)            \
    NAME(bundle) NAME(patch) NAME(hpo)                                              \
    NAME(status) NAME(submit) NAME(collect) NAME(explain) NAME(report) NAME(plots)      \
    NAME(verify) NAME(clean)
// clang-format on

#define RATIOFARM_DECLARED(name) Command name##_command();
#define RATIOFARM_NOTHING()
RATIOFARM_COMMANDS(RATIOFARM_DECLARED, RATIOFARM_NOTHING)
#undef RATIOFARM_DECLARED
#undef RATIOFARM_NOTHING

}  // namespace ratiofarm
