#include "line_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

#include "spawn.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

constexpr std::size_t longest_answer = 16U << 20U;
constexpr std::size_t kept_errors = 4096;

struct Ends {
    UniqueFd ours;
    UniqueFd its;
};

/// Of a pipe that it writes to.
Ends pipe_from() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SystemError("cannot make a pipe", errno);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// A socket can be written to without a signal if nobody reads any more.
Ends socket_to() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw SystemError("cannot make a socket", errno);
    }
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// \return false when the stream is over
bool append_some(const UniqueFd& stream, std::string& text) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(stream.get(), buffer.data(), buffer.size());
    if (size < 0 && errno != EINTR) throw SystemError("cannot read from a program", errno);
    if (size > 0) text.append(buffer.data(), static_cast<std::size_t>(size));
    return size != 0;
}

}  // namespace

std::string last_line(const std::string& text) {
    const std::size_t end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos) return "it printed nothing";
    const std::size_t before = text.find_last_of('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    constexpr std::size_t most = 300;
    return text.substr(begin, std::min(end + 1 - begin, most));
}

LineProgram::LineProgram(const std::string& command) {
    Ends input = socket_to();
    Ends output = pipe_from();
    Ends errors = pipe_from();
    FileActions actions;
    actions.use(input.its.get(), STDIN_FILENO);
    actions.use(output.its.get(), STDOUT_FILENO);
    actions.use(errors.its.get(), STDERR_FILENO);
    std::array<std::string, 3> words{"/bin/sh", "-c", command};
    std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
    const SpawnAttributes attributes(true);
    const int error =
        ::posix_spawn(&child_, argv[0], actions.get(), attributes.get(), argv.data(), environ);
    if (error != 0) throw SystemError("cannot start '" + command + "' by /bin/sh", error);
    input_ = std::move(input.ours);
    output_ = std::move(output.ours);
    errors_ = std::move(errors.ours);
}

LineProgram::~LineProgram() {
    if (child_ < 0) return;
    input_.reset();
    for (int look = 0; look < 100; ++look) {  // 5 s
        if (::waitpid(child_, nullptr, WNOHANG) == child_) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ::kill(-child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

/// Sends and reads what is possible now, or after a tenth of a second.
void LineProgram::exchange(std::string_view& to_send) {
    std::array<pollfd, 3> entries{
        {{input_.get(), static_cast<short>(to_send.empty() ? 0 : POLLOUT), 0},
         {output_.get(), POLLIN, 0},
         {errors_.get(), POLLIN, 0}}};
    if (to_send.empty()) entries[0].fd = -1;
    if (::poll(entries.data(), entries.size(), 100) < 0) {
        if (errno == EINTR) return;
        throw SystemError("cannot wait for a program", errno);
    }
    if (entries[0].revents != 0) {
        const ssize_t sent =
            ::send(input_.get(), to_send.data(), to_send.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) to_send.remove_prefix(static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN && errno != EINTR) to_send = {};  // it does not read
    }
    if (entries[1].revents != 0 && !append_some(output_, received_)) output_.reset();
    if (entries[2].revents != 0 && !append_some(errors_, last_errors_)) errors_.reset();
    if (last_errors_.size() > kept_errors) last_errors_.erase(0, last_errors_.size() - kept_errors);
}

/// How it ended; kills what is left of it.
std::string LineProgram::end(bool by_itself) {
    int status = 0;
    pid_t ended = 0;
    for (int look = 0; by_itself && ended == 0 && look < 100; ++look) {  // its output was closed
        ended = ::waitpid(child_, &status, WNOHANG);
        if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::kill(-child_, SIGKILL);
    while (ended <= 0 && ::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    pollfd more{.fd = errors_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&more, 1, 0) > 0 && append_some(errors_, last_errors_)) {
    }
    if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
    return "ended with exit code " + std::to_string(WEXITSTATUS(status)) + " (" +
           last_line(last_errors_) + ")";
}

LineProgram::Answer LineProgram::ask(std::string_view line, const std::function<bool()>& give_up) {
    if (child_ < 0) return {{}, "has ended", false};
    pollfd more{.fd = output_.get(), .events = POLLIN, .revents = 0};
    if (received_.empty() && ::poll(&more, 1, 0) > 0 && !append_some(output_, received_)) {
        output_.reset();
    }
    if (!received_.empty()) {
        end(false);
        return {{}, "wrote more than one line: '" + last_line(received_) + "'", false};
    }
    const std::string text = std::string(line) + "\n";
    std::string_view to_send = text;
    while (true) {
        const std::size_t stop = received_.find('\n');
        if (stop != std::string::npos) {
            Answer answer{received_.substr(0, stop), {}, false};
            received_.erase(0, stop + 1);
            return answer;
        }
        if (!output_) return {{}, end(true), false};
        if (received_.size() > longest_answer) {
            end(false);
            return {{}, "answered by more than 16 MiB without an end of the line", false};
        }
        if (give_up()) {
            end(false);
            return {{}, {}, true};
        }
        exchange(to_send);
    }
}

}  // namespace ratiofarm
