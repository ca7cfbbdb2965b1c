#include "launcher.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

constexpr int trainer_socket = 3;  // descriptor of the trainer's end inside the trainer

struct LaunchRequest {
    std::uint8_t wait = 0;  // 0: start a trainer, 1: wait for `pid`
    std::int32_t pid = 0;
    std::vector<std::int32_t> cores;
    std::string gpu;
    std::string device;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, LaunchRequest>& value) {
    archive(value.wait, value.pid, value.cores, value.gpu, value.device);
}

/// Answer to both: the pid or the wait status; error is an errno.
struct LaunchReply {
    std::int32_t value = 0;
    std::int32_t error = 0;
};

/// One datagram, with a descriptor beside it if `fd` >= 0.
bool send_datagram(int socket, std::span<const std::byte> bytes, int fd) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (fd >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

/// Receives one datagram; empty when the other end is gone.
std::vector<std::byte> receive_datagram(int socket, UniqueFd& fd) {
    std::vector<std::byte> bytes(65536);
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = -1;
    do {
        size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (size > 0 && header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int received = -1;
        std::memcpy(&received, CMSG_DATA(header), sizeof received);
        fd = UniqueFd(received);
    }
    return bytes;
}

/// The environment without what would make a child believe that it is a rank.
std::vector<std::string> scrubbed_environment(const std::string& gpu) {
    constexpr std::array<std::string_view, 7> dropped{
        "OMPI_", "PMIX_", "PMI_", "ORTE_", "OPAL_", "PRTE_", "CUDA_VISIBLE_DEVICES="};
    std::vector<std::string> kept;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        bool keep = true;
        for (const auto prefix : dropped) keep = keep && !text.starts_with(prefix);
        if (keep) kept.emplace_back(text);
    }
    kept.push_back("CUDA_VISIBLE_DEVICES=" + gpu);
    return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

[[noreturn]] void become_trainer(const std::string& trainer,
                                 const LaunchRequest& request,
                                 int socket) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (const int core : request.cores) CPU_SET(static_cast<unsigned>(core), &cores);
    if (!request.cores.empty()) ::sched_setaffinity(0, sizeof cores, &cores);
    if (socket == trainer_socket) {
        ::fcntl(socket, F_SETFD, 0);
    } else {
        ::dup2(socket, trainer_socket);
    }
    std::vector<std::string> words{trainer, "--socket", std::to_string(trainer_socket), "--device",
                                   request.device};
    auto environment = scrubbed_environment(request.gpu);
    ::execve(trainer.c_str(), pointers(words).data(), pointers(environment).data());
    ::_exit(127);
}

/// Waits for a trainer that has closed its socket. One that does not end by itself is killed; one
/// that cannot even be killed (it hangs in the kernel) is abandoned, so that nobody waits for
/// ever.
LaunchReply wait_for_end(pid_t pid) {
    constexpr timespec pause{0, 2'000'000};
    constexpr int patience = 2500;  // pauses, 5 s
    int status = 0;
    for (int pauses = 0; pauses < 2 * patience; ++pauses) {
        const pid_t ended = ::waitpid(pid, &status, WNOHANG);
        if (ended != 0) return {status, ended < 0 ? errno : 0};
        if (pauses == patience) ::kill(pid, SIGKILL);
        ::nanosleep(&pause, nullptr);
    }
    return {0, ETIMEDOUT};
}

LaunchReply serve(const std::string& trainer, const LaunchRequest& request, int socket) {
    if (request.wait) return wait_for_end(request.pid);
    const pid_t pid = ::fork();
    if (pid == 0) become_trainer(trainer, request, socket);
    return {pid, pid < 0 ? errno : 0};
}

[[noreturn]] void run_launcher(const std::string& trainer, int socket, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    // The launcher of MPI signals whole process groups; only the rank decides what a signal means.
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP}) ::signal(signal, SIG_IGN);
    for (;;) {
        UniqueFd trainer_end;
        const auto bytes = receive_datagram(socket, trainer_end);
        if (bytes.empty()) ::_exit(0);
        const LaunchReply reply = serve(trainer, decode<LaunchRequest>(bytes), trainer_end.get());
        send_datagram(socket, std::as_bytes(std::span(&reply, 1)), -1);
    }
}

/// Waits for an answer of the launcher.
void expect_answer(int socket, std::chrono::milliseconds patience) {
    pollfd answer{.fd = socket, .events = POLLIN, .revents = 0};
    int ready = 0;
    do {
        ready = ::poll(&answer, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) throw SystemError("the launcher of trainers does not answer; is it stopped?");
}

LaunchReply ask(int socket,
                std::chrono::milliseconds patience,
                const LaunchRequest& request,
                int fd) {
    UniqueFd none;
    if (!send_datagram(socket, encode(request), fd)) {
        throw SystemError("cannot reach the launcher of trainers", errno);
    }
    expect_answer(socket, patience);
    const auto bytes = receive_datagram(socket, none);
    LaunchReply reply;
    if (bytes.size() != sizeof reply) throw SystemError("the launcher of trainers has died");
    std::memcpy(&reply, bytes.data(), sizeof reply);
    return reply;
}

}  // namespace

LauncherHandle LauncherHandle::fork_launcher(std::filesystem::path trainer,
                                             std::chrono::milliseconds patience) {
    if (::access(trainer.c_str(), X_OK) != 0) {
        throw SystemError(errno_message(fmt::format("cannot run the trainer '{}' (set "
                                                    "RATIOFARM_TRAINER to its path)",
                                                    trainer.string()),
                                        errno),
                          ExitCode::usage);
    }
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw SystemError("cannot make a socket", errno);
    }
    LauncherHandle handle;
    handle.socket_ = UniqueFd(ends[0]);
    handle.patience_ = patience;
    handle.trainer_ = trainer;
    const UniqueFd launcher_end(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw SystemError("cannot fork the launcher", errno);
    if (pid == 0) {
        handle.socket_.reset();
        run_launcher(trainer.string(), launcher_end.get(), parent);
    }
    return handle;
}

TrainerProcess LauncherHandle::start(const Placement& placement, DeviceClass device) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw SystemError("cannot make a socket", errno);
    }
    TrainerProcess process{UniqueFd(ends[0]), 0};
    const UniqueFd trainer_end(ends[1]);
    ::fcntl(process.socket.get(), F_SETFL, O_NONBLOCK);
    LaunchRequest request;
    request.cores.assign(placement.cores.begin(), placement.cores.end());
    request.gpu = placement.gpu;
    request.device = device_class_name(device);
    const LaunchReply reply = ask(socket_.get(), patience_, request, trainer_end.get());
    if (reply.error != 0) throw SystemError("cannot start a trainer", reply.error);
    process.pid = reply.value;
    return process;
}

std::string LauncherHandle::wait(const TrainerProcess& process) {
    LaunchRequest request;
    request.wait = 1;
    request.pid = process.pid;
    const LaunchReply reply = ask(socket_.get(), patience_, request, -1);
    if (reply.error != 0) return errno_message("unknown end", reply.error);
    if (WIFSIGNALED(reply.value)) {
        return fmt::format("signal {} ({})", WTERMSIG(reply.value),
                           ::strsignal(WTERMSIG(reply.value)));
    }
    return fmt::format("exit code {}", WEXITSTATUS(reply.value));
}

std::filesystem::path default_trainer() {
    if (const char* path = std::getenv("RATIOFARM_TRAINER")) return path;
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() /
           "ratiofarm-trainer";
}

}  // namespace ratiofarm
