#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "core/unique_fd.hpp"
#include "protocol/trainer_protocol.hpp"

#include "task_control.hpp"

namespace ratiofarm::trainer {

/// The socket to the supervisor. While a task runs it is that task's control: it looks at the
/// socket every 20 ms and reports progress once a second.
class SupervisorLink {
public:
    /// \param socket  connected stream socket
    explicit SupervisorLink(UniqueFd socket);

    /// Waits for the next request; nothing when the supervisor has closed its end.
    /// \throws DataError if the bytes are no message of this version
    std::optional<TrainerRequest> next_request();

    /// A request that has come already, without waiting.
    std::optional<TrainerRequest> try_next_request();

    /// Waits until all of it is written. A supervisor that is gone is noticed by next_request().
    void send(const TrainerReply& reply);

    bool closed() const { return closed_; }

private:
    void receive(bool wait);

    UniqueFd socket_;
    bool closed_ = false;
    FrameBuffer buffer_;
};

/// Control of one task over a link. Requests that are not for a running task (the next task)
/// stay in `later`, in order.
class LinkControl : public TaskControl {
public:
    LinkControl(SupervisorLink& link, const Digest& task, std::deque<TrainerRequest>& later);

    TaskOrder poll() override;
    void report(const TaskProgress& progress) override;

private:
    using Clock = std::chrono::steady_clock;

    SupervisorLink& link_;
    Digest task_;
    std::deque<TrainerRequest>& later_;
    Clock::time_point next_poll_ = Clock::now();
    Clock::time_point next_report_ = Clock::now();
};

}  // namespace ratiofarm::trainer
