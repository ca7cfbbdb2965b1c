#include "trainer_runner.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <utility>

#include <sys/socket.h>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

using Clock = std::chrono::steady_clock;

TrainerRunner::TrainerRunner(LauncherHandle& launcher, TrainerPlace place, const Log& log)
    : launcher_(launcher), place_(std::move(place)), log_(log), watch_(place_.pace) {}

void TrainerRunner::start(const Task& task) {
    RATIOFARM_EXPECT(!running_);
    running_ = task.digest;
    if (!ensure_trainer()) return;
    watch_.begin(Clock::now());
    send(task.payload);
}

void TrainerRunner::checkpoint() {
    if (running_ && trainer_) send(frame(TrainerRequest(CheckpointRequest{})));
}

void TrainerRunner::stop() {
    if (running_ && trainer_) send(frame(TrainerRequest(StopRequest{})));
}

std::optional<TaskRunner::Event> TrainerRunner::poll() {
    if (refused_ && running_) return end(*running_, *std::exchange(refused_, std::nullopt));
    if (!trainer_) return std::nullopt;
    const bool alive = write_pending() && read_available();
    while (auto reply = next_reply()) {
        if (auto event = on(*reply)) return event;
    }
    if (!alive) return trainer_died();
    if (running_ && watch_.hung(Clock::now())) return trainer_hangs();
    return std::nullopt;
}

/// \return false if no trainer could be started; poll() tells why
bool TrainerRunner::ensure_trainer() {
    if (trainer_) return true;
    try {
        trainer_ = launcher_.start(place_.placement, place_.device);
    } catch (const SystemError& error) {
        refused_ = TaskReport{.outcome = TaskOutcome::postponed, .reason = error.what()};
        return false;
    }
    received_ = FrameBuffer();
    greeted_ = false;
    pending_.clear();
    return true;
}

void TrainerRunner::send(std::vector<std::byte> frame) {
    pending_.insert(pending_.end(), frame.begin(), frame.end());
    write_pending();
}

bool TrainerRunner::write_pending() {
    while (!pending_.empty()) {
        const ssize_t written =
            ::send(trainer_->socket.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        pending_.erase(pending_.begin(), pending_.begin() + written);
    }
    return true;
}

bool TrainerRunner::read_available() {
    std::array<std::byte, 65536> buffer;
    for (;;) {
        const ssize_t size = ::recv(trainer_->socket.get(), buffer.data(), buffer.size(), 0);
        if (size > 0) {
            received_.append(std::span(buffer).first(static_cast<std::size_t>(size)));
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else {
            return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
}

/// \throws ConfigError if the first message is no hello of a trainer that belongs to this program
std::optional<TrainerReply> TrainerRunner::next_reply() {
    if (greeted_) return received_.next_reply();
    try {
        auto reply = received_.next_reply();
        if (!reply) return std::nullopt;
        const auto* hello = std::get_if<TrainerHello>(&*reply);
        greeted_ = hello != nullptr && hello->wire == trainer_wire();
        if (greeted_) return reply;
    } catch (const DataError&) {
        // A hello of another layout.
    }
    std::error_code unknown;
    throw ConfigError(fmt::format(
        "'{}' and '{}' were built from different sources and do not understand each other: build "
        "and install both together; RATIOFARM_TRAINER names the trainer (unset: the one beside "
        "ratiofarm)",
        launcher_.trainer().string(),
        std::filesystem::read_symlink("/proc/self/exe", unknown).string()));
}

std::optional<TaskRunner::Event> TrainerRunner::on(const TrainerReply& reply) {
    if (const auto* hello = std::get_if<TrainerHello>(&reply)) {
        log_.debug("trainer started",
                   {{"pid", hello->pid}, {"device", hello->device}, {"libtorch", hello->libtorch}});
        return std::nullopt;
    }
    if (const auto* alive = std::get_if<TaskAlive>(&reply)) {
        if (alive->task != running_) return std::nullopt;
        watch_.progress(Clock::now());
        return alive->progress;
    }
    if (const auto* done = std::get_if<TaskDone>(&reply)) {
        return end(done->task, {TaskOutcome::done, "", done->result});
    }
    if (const auto* failed = std::get_if<TaskFailed>(&reply)) return on(*failed);
    return end(std::get<TaskStopped>(reply).task, {.outcome = TaskOutcome::stopped, .reason = ""});
}

std::optional<TaskRunner::Event> TrainerRunner::on(const TaskFailed& failed) {
    switch (failed.kind) {
        case FailureKind::task: return end(failed.task, {TaskOutcome::failed, failed.reason});
        case FailureKind::storage: return end(failed.task, {TaskOutcome::postponed, failed.reason});
        case FailureKind::memory: break;
    }
    // What it holds may be why there was no more: begin again with a fresh one.
    trainer_->socket.reset();
    launcher_.wait(*trainer_);
    trainer_.reset();
    return end(failed.task, {TaskOutcome::crashed, failed.reason});
}

/// The end of the running task; that of another one is old news.
std::optional<TaskRunner::Event> TrainerRunner::end(const Digest& task, TaskReport report) {
    if (task != running_) return std::nullopt;
    running_.reset();
    return report;
}

std::optional<TaskRunner::Event> TrainerRunner::trainer_died() {
    std::string how = launcher_.wait(*trainer_);
    if (!greeted_) {
        how += fmt::format(" before its first word; '{} --self-test' may show why",
                           launcher_.trainer().string());
    }
    log_.warning("trainer died", {{"end", how}});
    trainer_.reset();
    // An idle trainer that dies is replaced at the next task; there is nothing to report.
    if (!running_) return std::nullopt;
    return end(*running_, {TaskOutcome::crashed, how});
}

std::optional<TaskRunner::Event> TrainerRunner::trainer_hangs() {
    const std::string reason = watch_.text();
    log_.warning("killing a trainer that hangs", {{"pid", trainer_->pid}, {"why", reason}});
    ::kill(trainer_->pid, SIGKILL);
    launcher_.wait(*trainer_);
    trainer_.reset();
    return end(*running_, {TaskOutcome::crashed, reason});
}

}  // namespace ratiofarm
