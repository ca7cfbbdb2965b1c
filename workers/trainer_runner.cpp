#include "ratiofarm/workers/trainer_runner.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

TrainerRunner::TrainerRunner(LauncherHandle& launcher,
                             Placement placement,
                             DeviceClass device,
                             const Log& log)
    : launcher_(launcher), placement_(std::move(placement)), device_(device), log_(log) {}

void TrainerRunner::start(const Task& task) {
    RATIOFARM_EXPECT(!running_);
    running_ = task.digest;
    ensure_trainer();
    send(task.payload);
}

void TrainerRunner::checkpoint() {
    if (running_ && trainer_) send(frame(TrainerRequest(CheckpointRequest{})));
}

void TrainerRunner::stop() {
    if (running_ && trainer_) send(frame(TrainerRequest(StopRequest{})));
}

std::optional<TaskRunner::Event> TrainerRunner::poll() {
    if (!trainer_) return std::nullopt;
    const bool alive = write_pending() && read_available();
    while (auto reply = received_.next_reply()) {
        if (auto event = on(*reply)) return event;
    }
    if (!alive) return trainer_died();
    return std::nullopt;
}

void TrainerRunner::ensure_trainer() {
    if (trainer_) return;
    trainer_ = launcher_.start(placement_, device_);
    received_ = FrameBuffer();
    pending_.clear();
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

std::optional<TaskRunner::Event> TrainerRunner::on(const TrainerReply& reply) {
    if (const auto* hello = std::get_if<TrainerHello>(&reply)) {
        log_.debug("trainer started",
                   {{"pid", hello->pid}, {"device", hello->device}, {"libtorch", hello->libtorch}});
        return std::nullopt;
    }
    if (const auto* progress = std::get_if<TaskProgress>(&reply)) {
        if (progress->task != running_) return std::nullopt;
        return TaskPace{progress->fraction, progress->epoch, progress->validation_loss};
    }
    TaskReport report;
    Digest task;
    if (const auto* done = std::get_if<TaskDone>(&reply)) {
        task = done->task;
        report = {TaskOutcome::done, "", done->bytes, done->crc, done->seconds, done->resumed};
    } else if (const auto* failed = std::get_if<TaskFailed>(&reply)) {
        task = failed->task;
        report.outcome = TaskOutcome::failed;
        report.reason = failed->reason;
    } else {
        task = std::get<TaskStopped>(reply).task;
        report.outcome = TaskOutcome::stopped;
    }
    if (task != running_) return std::nullopt;
    running_.reset();
    return report;
}

std::optional<TaskRunner::Event> TrainerRunner::trainer_died() {
    const std::string end = launcher_.wait(*trainer_);
    log_.warning("trainer died", {{"end", end}});
    trainer_.reset();
    // An idle trainer that dies is replaced at the next task; there is nothing to report.
    if (!std::exchange(running_, std::nullopt)) return std::nullopt;
    TaskReport report;
    report.outcome = TaskOutcome::crashed;
    report.reason = end;
    return report;
}

}  // namespace ratiofarm
