#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/mpi/session.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/process.hpp"
#include "core/screen.hpp"
#include "h5/file.hpp"
#include "mpi/value_on_root.hpp"
#include "scheduler/host/walltime.hpp"
#include "workers/launcher.hpp"
#include "workers/placement.hpp"

#include "command.hpp"
#include "start_ranks.hpp"
#include "version.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

/// Whether some launcher of MPI started this process as one of several.
bool under_mpi_launcher() {
    constexpr std::array variables{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
    return std::any_of(variables.begin(), variables.end(),
                       [](const char* name) { return std::getenv(name) != nullptr; });
}

/// Whether this is the rank that schedules, as far as one can tell before MPI_Init.
bool is_first_rank() {
    constexpr std::array variables{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    return std::all_of(variables.begin(), variables.end(), [](const char* name) {
        const char* rank = std::getenv(name);
        return rank == nullptr || std::string_view(rank) == "0";
    });
}

/// Whether a command stops in order before its batch job ends.
bool knows_time(const Command& command) {
    return std::any_of(command.options.begin(), command.options.end(),
                       [](const Option& option) { return option.name == "time-budget"; });
}

bool starts_trainers(const Command& command, const Arguments& arguments) {
    return command.trainers == Trainers::used ||
           (command.trainers == Trainers::for_sums && sums_on_device(arguments));
}

/// What must be started or asked before MPI is.
struct BeforeMpi {
    LauncherHandle launcher;
    Walltime walltime;
};

/// Collective over world. Ends the program where storage may have refused: HDF5 (1.10.8) crashes or
/// waits for ever when it closes a file at the end that could not be written. The command has
/// released all it held.
[[noreturn]] void leave_storage_alone(const mpi::Communicator& world, ExitCode code) {
    std::fflush(nullptr);
    mpi::barrier(world);
    ::_exit(static_cast<int>(code));
}

/// Runs a command whose mistakes every rank knows of, and ends in order.
int run_in_order(const Command& command,
                 const Arguments& arguments,
                 const mpi::Communicator& world,
                 BeforeMpi& before) {
    const Log rank_log = Log::to_stderr(
        LogLevel::info, world.size() > 1 ? fmt::format("rank {}", world.rank()) : "");
    const LogLevel level = arguments.has("quiet")     ? LogLevel::warning
                           : arguments.has("verbose") ? LogLevel::debug
                                                      : LogLevel::info;
    const Log log = world.is_root() ? Log::to_terminal(level) : Log();
    RunContext context{world, log, rank_log, before.launcher, before.walltime.end};
    if (!before.walltime.warning.empty()) log.warning(before.walltime.warning);
    ExitCode code = ExitCode::done;
    bool storage_failed = false;
    try {
        if (command.ranks == Ranks::all) {
            code = command.run(context, arguments);
        } else {
            mpi::together(world, [&] {
                if (world.is_root()) code = command.run(context, arguments);
            });
        }
        code = static_cast<ExitCode>(mpi::value_on_root(world, static_cast<std::uint64_t>(code)));
    } catch (const mpi::AgreedError& error) {
        if (world.is_root()) {
            log.live("");  // what it shows ends without a line of its own
            fmt::print(stderr, "{}", on_error_screen(fmt::format("ratiofarm: {}\n", error.what())));
        }
        code = error.exit_code();
        storage_failed = code != ExitCode::usage;
    }
    std::uint64_t open = h5::files_are_open() ? 1 : 0;
    mpi::all_sum(world, std::span(&open, 1));
    if (open > 0 && code == ExitCode::done) {
        log.error("a file could not be closed; run the same command again");
        code = ExitCode::resumable;
    }
    if (open > 0 || storage_failed) leave_storage_alone(world, code);
    return static_cast<int>(code);
}

int run_program(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    std::error_code gone;
    if (std::filesystem::current_path(gone).empty() || gone) {
        throw ConfigError(
            fmt::format("the working folder is gone or closed to us ({}); change into another one",
                        gone.message()));
    }
    if (words.size() == 2 && words[0] == "help") {
        fmt::print("{}", help_for(words[1]));
        return 0;
    }
    if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        fmt::print("{}", general_help());
        return static_cast<int>(words.empty() ? ExitCode::usage : ExitCode::done);
    }
    if (words[0] == "--version") {
        fmt::print("{}", version_text());
        return 0;
    }
    const Command& command = find_command(words[0]);
    const Arguments arguments(command, std::span(words).subspan(1));
    if (arguments.help()) {
        fmt::print("{}", help_text(command));
        return 0;
    }
    if (arguments.has("ranks")) {
        const std::uint64_t ranks = arguments.integer("ranks", 1, 100'000);
        const std::size_t cores = node_resources().cores.size();
        // A typing mistake must not take all memory and processes of a machine.
        if (const auto most = std::max<std::uint64_t>(16, 4 * cores); ranks > most) {
            throw ConfigError(
                fmt::format("--ranks = {}: at most {} start here, where we may use {} cores; "
                            "mpirun starts as many as it is asked for",
                            ranks, most, cores));
        }
        if (under_mpi_launcher()) {
            throw ConfigError("--ranks starts ranks itself: leave out either mpirun or --ranks");
        }
        if (ranks > 1) return start_ranks(ranks, words);
    }
    // A rank whose launcher is gone must not go on writing.
    if (under_mpi_launcher()) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A write beyond the limit on file sizes shall fail like any other, not end the rank.
    ::signal(SIGXFSZ, SIG_IGN);
    BeforeMpi before;
    if (starts_trainers(command, arguments)) {
        before.launcher = LauncherHandle::fork_launcher(default_trainer());
    }
    if (knows_time(command) && is_first_rank()) before.walltime = walltime();
    std::optional<mpi::Session> session;
    const mpi::Communicator alone;
    if (command.ranks == Ranks::all || under_mpi_launcher()) session.emplace(argc, argv);
    return run_in_order(command, arguments, session ? session->world() : alone, before);
}

/// Runs the program; an output that nobody can have read is no success.
int run_and_write(int argc, char** argv) {
    int code = 0;
    try {
        code = run_program(argc, argv);
    } catch (const std::system_error&) {  // of fmt, maybe
        if (std::ferror(stdout) == 0) throw;
        code = static_cast<int>(ExitCode::internal);
    }
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    const std::string why = errno == 0 ? "a write failed" : std::strerror(errno);
    fmt::print(stderr,
               "ratiofarm: the output is not complete: {}; make room and run the same command "
               "again\n",
               why);
    const bool is_verdict = code == static_cast<int>(ExitCode::usage) ||
                            code == static_cast<int>(ExitCode::tasks_failed);
    return is_verdict ? code : static_cast<int>(ExitCode::resumable);
}

}  // namespace
}  // namespace ratiofarm

int main(int argc, char** argv) {
    ratiofarm::open_standard_descriptors();
    return ratiofarm::mpi::guarded([&] { return ratiofarm::run_and_write(argc, argv); });
}
