#include "isolated.hpp"

#include <cerrno>
#include <csignal>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

#include "core/unique_fd.hpp"

namespace ratiofarm {
namespace {

[[noreturn]] void run_child(int out, const std::function<std::vector<std::string>()>& check) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    // Handlers of this program would tell of a bug where there is none.
    for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL}) ::signal(fatal, SIG_DFL);
    std::string text;
    for (const std::string& line : check()) text += line + '\0';
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

std::vector<std::string> lines_of_isolated(const std::function<std::vector<std::string>()>& check) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) throw SystemError("cannot make a pipe", errno);
    UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw SystemError("cannot start a process", errno);
    if (child == 0) run_child(out.get(), check);
    out.reset();
    const std::string text = read_to_end(in.get());
    const int status = wait_for(child);

    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\0', begin);
        if (end == std::string::npos) break;
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    if (WIFSIGNALED(status)) {
        lines.push_back("damaged: reading it ends the process by signal " +
                        std::to_string(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        lines.push_back("the process that read it ended with code " +
                        std::to_string(WEXITSTATUS(status)));
    }
    return lines;
}

}  // namespace ratiofarm
