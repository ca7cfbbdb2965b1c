#include "process.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "unique_fd.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

[[noreturn]] void fail(const ProcessCall& call, const char* action) {
    throw SystemError(std::string("cannot ") + action + " '" + call.words.front() + "'", errno);
}

/// What the started program does with its descriptors and its folder before it begins.
class FileActions {
public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void open_nothing(int descriptor, int flags) {
        ::posix_spawn_file_actions_addopen(&actions_, descriptor, "/dev/null", flags, 0);
    }
    void use(int source, int descriptor) {
        ::posix_spawn_file_actions_adddup2(&actions_, source, descriptor);
    }
    void enter(const std::filesystem::path& folder) {
        ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

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

/// Reads both streams until they are over: a program that fills one of them does not block.
void read_all(const ProcessCall& call, std::array<CapturedStream, 2>& streams) {
    while (streams[0].ours || streams[1].ours) {
        std::array<pollfd, 2> entries{};
        for (std::size_t i = 0; i < streams.size(); ++i) {
            // A negative descriptor is not looked at.
            entries[i] = {.fd = streams[i].ours.get(), .events = POLLIN, .revents = 0};
        }
        if (::poll(entries.data(), entries.size(), -1) < 0) {
            if (errno == EINTR) continue;
            fail(call, "wait for");
        }
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (entries[i].revents == 0 || read_some(call, streams[i])) continue;
            streams[i].ours.reset();
        }
    }
}

int wait_for(const ProcessCall& call, pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) fail(call, "wait for");
    }
    return status;
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
    if (::posix_spawnp(&child, argv.front(), actions.get(), nullptr, argv.data(), environ) != 0) {
        return std::nullopt;
    }
    for (CapturedStream& stream : streams) stream.its.reset();
    try {
        read_all(call, streams);
    } catch (...) {
        for (CapturedStream& stream : streams) stream.ours.reset();
        wait_for(call, child);
        throw;
    }
    const int status = wait_for(call, child);
    if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
    return end;
}

}  // namespace ratiofarm
