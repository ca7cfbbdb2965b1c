#include "process.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "spawn.hpp"
#include "unique_fd.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

[[noreturn]] void fail(const ProcessCall& call, const char* action) {
    throw SystemError(std::string("cannot ") + action + " '" + call.words.front() + "'", errno);
}

/// One output stream of the program, if it is captured.
struct CapturedStream {
    UniqueFd ours;
    UniqueFd its;  ///< closed by exec; the program has a copy
    std::string* text = nullptr;
};

CapturedStream connect(const ProcessCall& call,
                       Output output,
                       int descriptor,
                       std::string& text,
                       FileActions& actions) {
    if (output == Output::discarded) actions.open_nothing(descriptor, O_WRONLY);
    if (output != Output::captured) return {};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(call, "make a pipe to");
    actions.use(ends[1], descriptor);
    return {UniqueFd(ends[0]), UniqueFd(ends[1]), &text};
}

/// Reads what has come. \return false when the stream is over
bool read_some(const ProcessCall& call, CapturedStream& stream) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(stream.ours.get(), buffer.data(), buffer.size());
    if (size > 0) stream.text->append(buffer.data(), static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR) fail(call, "read from");
    return size != 0;
}

constexpr int look_ms = 100;  ///< between questions whether to give up

/// A program that may be killed, with all that it starts.
class Patience {
public:
    Patience(const ProcessCall& call, pid_t child) : call_(call), child_(child) {}

    /// Kills it if it is time to.
    void look() {
        if (given_up_ || !call_.give_up || !call_.give_up()) return;
        ::kill(-child_, SIGKILL);
        given_up_ = true;
    }
    bool may_end() const { return call_.give_up && !given_up_; }
    bool given_up() const { return given_up_; }

private:
    const ProcessCall& call_;
    pid_t child_;
    bool given_up_ = false;
};

bool has_ended(pid_t child) {
    siginfo_t end{};
    return ::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           end.si_pid == child;
}

/// Reads both streams, so that a program that fills one of them does not block, until they are over
/// or the program has ended: what it started and left behind may hold them open for long.
void read_all(const ProcessCall& call,
              pid_t child,
              std::array<CapturedStream, 2>& streams,
              Patience& patience) {
    while (streams[0].ours || streams[1].ours) {
        patience.look();
        std::array<pollfd, 2> entries{};
        for (std::size_t i = 0; i < streams.size(); ++i) {
            // A negative descriptor is not looked at.
            entries[i] = {.fd = streams[i].ours.get(), .events = POLLIN, .revents = 0};
        }
        const int ready = ::poll(entries.data(), entries.size(), look_ms);
        if (ready < 0 && errno != EINTR) fail(call, "wait for");
        if (ready == 0 && has_ended(child)) return;
        if (ready <= 0) continue;
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (entries[i].revents == 0 || read_some(call, streams[i])) continue;
            streams[i].ours.reset();
        }
    }
}

int wait_for(const ProcessCall& call, pid_t child, Patience& patience) {
    int status = 0;
    for (;;) {
        const pid_t ended = ::waitpid(child, &status, patience.may_end() ? WNOHANG : 0);
        if (ended == child) return status;
        if (ended < 0 && errno != EINTR) fail(call, "wait for");
        if (ended == 0) {
            patience.look();
            ::poll(nullptr, 0, look_ms);
        }
    }
}

}  // namespace

void open_standard_descriptors() {
    // open() takes the lowest number that is free.
    while (true) {
        const int descriptor = ::open("/dev/null", O_RDWR);
        if (descriptor <= 2 && descriptor >= 0) continue;
        if (descriptor > 2) ::close(descriptor);
        return;
    }
}

std::optional<ProcessEnd> run_process(const ProcessCall& call) {
    RATIOFARM_EXPECT(!call.words.empty());
    std::vector<std::string> words = call.words;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    ProcessEnd end;
    FileActions actions;
    if (!call.input) actions.open_nothing(STDIN_FILENO, O_RDONLY);
    std::array<CapturedStream, 2> streams{
        connect(call, call.output, STDOUT_FILENO, end.output, actions),
        connect(call, call.errors, STDERR_FILENO, end.errors, actions)};
    if (!call.folder.empty()) actions.enter(call.folder);
    pid_t child = 0;
    const SpawnAttributes attributes(call.give_up != nullptr);
    if (::posix_spawnp(&child, argv.front(), actions.get(), attributes.get(), argv.data(),
                       environ) != 0) {
        return std::nullopt;
    }
    for (CapturedStream& stream : streams) stream.its.reset();
    Patience patience(call, child);
    try {
        read_all(call, child, streams, patience);
    } catch (...) {
        for (CapturedStream& stream : streams) stream.ours.reset();
        wait_for(call, child, patience);
        throw;
    }
    const int status = wait_for(call, child, patience);
    end.given_up = patience.given_up();
    if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
    return end;
}

}  // namespace ratiofarm
