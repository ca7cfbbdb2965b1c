#include "supervisor_link.hpp"

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::chrono::milliseconds poll_interval{20};
constexpr std::chrono::seconds report_interval{1};

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/// The other end was closed or its process has died.
bool peer_gone(int error) { return error == EPIPE || error == ECONNRESET; }

void wait_for(int socket, short events) {
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    while (::poll(&entry, 1, -1) < 0) {
        if (errno != EINTR) throw SystemError("cannot wait for the supervisor", errno);
    }
}

}  // namespace

SupervisorLink::SupervisorLink(UniqueFd socket) : socket_(std::move(socket)) {}

void SupervisorLink::receive(bool wait) {
    std::array<std::byte, 65536> chunk;
    if (wait) wait_for(socket_.get(), POLLIN);
    while (true) {
        const ssize_t size = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (size > 0) {
            buffer_.append(std::span(chunk).first(static_cast<std::size_t>(size)));
        } else if (size == 0 || peer_gone(errno)) {
            closed_ = true;
            return;
        } else if (would_block(errno)) {
            return;
        } else if (errno != EINTR) {
            throw SystemError("cannot read from the supervisor", errno);
        }
    }
}

std::optional<TrainerRequest> SupervisorLink::next_request() {
    while (true) {
        if (auto request = buffer_.next_request()) return request;
        if (closed_) return std::nullopt;
        receive(true);
    }
}

std::optional<TrainerRequest> SupervisorLink::try_next_request() {
    if (!closed_) receive(false);
    return buffer_.next_request();
}

void SupervisorLink::send(const TrainerReply& reply) {
    const auto bytes = frame(reply);
    std::span<const std::byte> rest(bytes);
    while (!rest.empty() && !closed_) {
        const ssize_t size =
            ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(size));
        } else if (would_block(errno)) {
            wait_for(socket_.get(), POLLOUT);
        } else if (peer_gone(errno)) {
            closed_ = true;
        } else if (errno != EINTR) {
            throw SystemError("cannot write to the supervisor", errno);
        }
    }
}

LinkControl::LinkControl(SupervisorLink& link,
                         const Digest& task,
                         std::deque<TrainerRequest>& later)
    : link_(link), task_(task), later_(later) {}

TaskOrder LinkControl::poll() {
    const auto now = Clock::now();
    if (now < next_poll_) return TaskOrder::go_on;
    next_poll_ = now + poll_interval;

    TaskOrder order = TaskOrder::go_on;
    while (auto request = link_.try_next_request()) {
        if (std::holds_alternative<StopRequest>(*request)) {
            order = TaskOrder::stop;
        } else if (std::holds_alternative<CheckpointRequest>(*request)) {
            if (order == TaskOrder::go_on) order = TaskOrder::checkpoint;
        } else {
            later_.push_back(std::move(*request));
        }
    }
    return link_.closed() ? TaskOrder::abandon : order;
}

void LinkControl::report(const TaskProgress& progress) {
    const auto now = Clock::now();
    if (now < next_report_) return;
    next_report_ = now + report_interval;
    link_.send(TaskAlive{.task = task_, .progress = progress});
}

}  // namespace ratiofarm::trainer
