#include "trainer_runner.hpp"

#include <chrono>
#include <utility>

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
    trainer_->send(task.payload);
}

void TrainerRunner::checkpoint() {
    if (running_ && trainer_) trainer_->send(frame(TrainerRequest(CheckpointRequest{})));
}

void TrainerRunner::stop() {
    if (running_ && trainer_) trainer_->send(frame(TrainerRequest(StopRequest{})));
}

std::optional<TaskRunner::Event> TrainerRunner::poll() {
    if (refused_ && running_) return end(*running_, *std::exchange(refused_, std::nullopt));
    if (!trainer_) return std::nullopt;
    const bool alive = trainer_->exchange();
    while (auto reply = trainer_->next_reply()) {
        if (auto event = on(*reply)) return event;
        if (!trainer_) return std::nullopt;
    }
    if (!alive) return trainer_died();
    if (running_ && watch_.hung(Clock::now())) return trainer_hangs();
    return std::nullopt;
}

/// \return false if no trainer could be started; poll() tells why
bool TrainerRunner::ensure_trainer() {
    if (trainer_) return true;
    try {
        trainer_.emplace(launcher_, place_.placement, place_.device, log_);
    } catch (const SystemError& error) {
        refused_ = TaskReport{.outcome = TaskOutcome::postponed, .reason = error.what()};
        return false;
    }
    return true;
}

std::optional<TaskRunner::Event> TrainerRunner::on(const TrainerReply& reply) {
    if (const auto* alive = std::get_if<TaskAlive>(&reply)) {
        if (alive->task != running_) return std::nullopt;
        watch_.progress(Clock::now());
        return alive->progress;
    }
    if (const auto* done = std::get_if<TaskDone>(&reply)) {
        return end(done->task, {TaskOutcome::done, "", done->result});
    }
    if (const auto* failed = std::get_if<TaskFailed>(&reply)) return on(*failed);
    if (const auto* stopped = std::get_if<TaskStopped>(&reply)) {
        return end(stopped->task, {.outcome = TaskOutcome::stopped, .reason = ""});
    }
    return std::nullopt;
}

std::optional<TaskRunner::Event> TrainerRunner::on(const TaskFailed& failed) {
    switch (failed.kind) {
        case FailureKind::task: return end(failed.task, {TaskOutcome::failed, failed.reason});
        case FailureKind::storage: return end(failed.task, {TaskOutcome::postponed, failed.reason});
        case FailureKind::memory: break;
    }
    // What it holds may be why there was no more: begin again with a fresh one.
    trainer_->close();
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
    const std::string how = trainer_->ended();
    log_.warning("trainer died", {{"end", how}});
    trainer_.reset();
    // An idle trainer that dies is replaced at the next task; there is nothing to report.
    if (!running_) return std::nullopt;
    return end(*running_, {TaskOutcome::crashed, how});
}

std::optional<TaskRunner::Event> TrainerRunner::trainer_hangs() {
    const std::string reason = watch_.text();
    log_.warning("killing a trainer that hangs", {{"pid", trainer_->pid()}, {"why", reason}});
    trainer_->kill();
    trainer_.reset();
    return end(*running_, {TaskOutcome::crashed, reason});
}

}  // namespace ratiofarm
