#include "isolated.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

#include "core/unique_fd.hpp"

namespace ratiofarm {
namespace {

using Reader = std::function<std::vector<std::string>()>;

[[noreturn]] void run_child(int out, const Reader& read, unsigned most_seconds) {
    // Words of the C library on a crash are none of this program.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    // Handlers of this program would tell of a bug where there is none.
    for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGXCPU}) {
        ::signal(fatal, SIG_DFL);
    }
    const rlimit time{most_seconds, most_seconds};
    if (most_seconds > 0) ::setrlimit(RLIMIT_CPU, &time);
    std::string text;
    for (const std::string& line : read()) text += line + '\0';
    for (std::size_t begin = 0; begin < text.size();) {
        const ssize_t written = ::write(out, text.data() + begin, text.size() - begin);
        if (written < 0) ::_exit(1);
        begin += static_cast<std::size_t>(written);
    }
    // No destructors: the library may be beyond closing.
    ::_exit(0);
}

std::string read_to_end(int in) {
    std::string text;
    char buffer[4096];
    while (true) {
        const ssize_t size = ::read(in, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return text;
        text.append(buffer, static_cast<std::size_t>(size));
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace

IsolatedLines lines_of_isolated(const Reader& read, unsigned most_seconds) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) throw SystemError("cannot make a pipe", errno);
    UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw SystemError("cannot start a process", errno);
    if (child == 0) run_child(out.get(), read, most_seconds);
    out.reset();
    const std::string text = read_to_end(in.get());
    const int status = wait_for(child);

    IsolatedLines result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\0', begin);
        if (end == std::string::npos) break;
        result.lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    if (WIFSIGNALED(status)) {
        result.end = "ends the process by signal " + std::to_string(WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        result.end = "ends the process with code " + std::to_string(WEXITSTATUS(status));
    }
    return result;
}

}  // namespace ratiofarm
