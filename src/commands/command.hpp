#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm {

class LauncherHandle;

/// What every command is handed by main.
struct CommandContext {
    const mpi::Communicator& world;  ///< a single rank where the program runs without mpirun
    const Log& log;                  ///< job-wide lines: silent on all ranks but 0
    const Log& rank_log;             ///< lines that name their rank
    LauncherHandle& launcher;        ///< starts trainers; forked before MPI
    /// When the batch job must have ended; known on rank 0, nothing without a limit.
    std::optional<std::chrono::steady_clock::time_point> walltime_end = {};
};

/// Which ranks run a command.
enum class Ranks {
    root,  ///< rank 0 alone; the others wait for its exit code
    all,   ///< collective
};

/// Whether a command trains or evaluates nets: then the launcher of trainers is forked first.
enum class Trainers { none, used };

/// One option; `value` is the placeholder of its argument, empty for a flag.
struct Option {
    std::string name;  ///< without dashes
    std::string value;
    std::string description;
    std::string default_value = {};
};

class Arguments;

/// One word of the command line: `ratiofarm NAME ...`.
struct Command {
    std::string name;
    std::string summary;                  ///< one line
    std::vector<std::string> positional;  ///< names of positional arguments, e.g. "CAMPAIGN.toml"
    std::size_t required_positional = 0;  ///< how many of them must be given
    std::vector<Option> options;
    Ranks ranks = Ranks::root;
    Trainers trainers = Trainers::none;
    std::function<ExitCode(CommandContext&, const Arguments&)> run = {};
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

/// All commands in the order of the help.
const std::vector<Command>& all_commands();

// One function per command, each in the file named after it; collected by all_commands().
Command init_command();
Command import_command();
Command export_command();
Command check_command();
Command plan_command();
Command simulate_command();
Command run_command();
Command search_command();
Command select_command();
Command train_command();
Command gather_command();
Command infer_command();
Command fit_command();
Command scan_command();
Command impacts_command();
Command limits_command();
Command toys_command();
Command gof_command();
Command status_command();
Command submit_command();
Command collect_command();
Command explain_command();
Command report_command();
Command verify_command();

}  // namespace ratiofarm
