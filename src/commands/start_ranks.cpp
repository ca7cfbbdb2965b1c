#include "start_ranks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/session.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

volatile std::sig_atomic_t launcher = 0;
volatile std::sig_atomic_t asked_to_stop = 0;
volatile std::sig_atomic_t interrupts = 0;

/// mpirun passes USR1 and USR2 on, but gives its ranks only two seconds after a TERM: whoever
/// presses Ctrl-C again wants that.
void on_signal(int signal) {
    if (signal == SIGUSR1) {
        if (launcher > 0) ::kill(launcher, SIGUSR1);
        return;
    }
    interrupts = interrupts + (signal == SIGINT ? 1 : 0);
    asked_to_stop = 1;
    if (launcher > 0) ::kill(launcher, interrupts > 1 ? SIGTERM : SIGUSR2);
}

std::vector<std::string> launch_words(std::uint64_t ranks) {
    const std::string count = std::to_string(ranks);
    const std::string mpi = mpi::library_version();
    if (mpi.starts_with("Open MPI v4") || mpi.starts_with("Open MPI v3")) {
        return {"mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", count};
    }
    if (mpi.starts_with("Open MPI")) {  // from 5 on; it knows no --quiet
        return {"mpirun", "--map-by", ":OVERSUBSCRIBE", "--bind-to", "none", "-n", count};
    }
    return {"mpiexec", "-n", count};
}

/// Open MPI 4 asks root for two variables, and ends with a text of its own without them.
void expect_root_is_allowed(std::uint64_t ranks) {
    if (::geteuid() != 0 || !mpi::library_version().starts_with("Open MPI v4")) return;
    const std::array names{"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"};
    if (std::ranges::all_of(names, [](const char* name) { return std::getenv(name) != nullptr; })) {
        return;
    }
    throw ConfigError(
        fmt::format("--ranks = {}: Open MPI starts no ranks for root unless {}=1 and {}=1 are set, "
                    "as one does in a container; or leave out --ranks",
                    ranks, names[0], names[1]));
}

/// Without --ranks N and -n N, as the program reads them.
std::vector<std::string> without_ranks(std::span<const std::string> words) {
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "--ranks" || word == "-n") {
            ++i;
        } else if (!word.starts_with("--ranks=") && !word.starts_with("-n")) {
            rest.push_back(words[i]);
        }
    }
    return rest;
}

/// In a process group of its own: Ctrl-C reaches only this process.
pid_t spawn(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, words.front().c_str(), &actions, &attributes,
                                     arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        throw ConfigError("--ranks: cannot start '" + words.front() +
                          "'; is the MPI that this program was built with in PATH?");
    }
    return child;
}

}  // namespace

int start_ranks(std::uint64_t ranks, std::span<const std::string> words) {
    expect_root_is_allowed(ranks);
    std::vector<std::string> call = launch_words(ranks);
    call.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
    for (const std::string& word : without_ranks(words)) call.push_back(word);
    struct sigaction action = {};
    action.sa_handler = on_signal;
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP}) {
        ::sigaction(signal, &action, nullptr);
    }
    launcher = spawn(call);
    if (asked_to_stop != 0) ::kill(launcher, SIGUSR2);  // before there was whom to tell
    int status = 0;
    while (::waitpid(launcher, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const bool has_said = code <= static_cast<int>(ExitCode::tasks_failed) && code != 1;
    if (asked_to_stop == 0 || has_said) return code;
    constexpr int resumable = static_cast<int>(ExitCode::resumable);
    if (code != resumable) {
        fmt::print(stderr, "ratiofarm: ended at once; the same command goes on later\n");
    }
    return resumable;
}

}  // namespace ratiofarm
