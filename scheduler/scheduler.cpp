#include "ratiofarm/scheduler/scheduler.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

/// Order of the waiting list: the most expensive at the back. Ties by digest, so that the order
/// is the same on every run.
bool runs_later(const Task& a, const Task& b) {
    return std::pair(a.cost, a.digest) < std::pair(b.cost, b.digest);
}

Task without_payload(Task task) {
    task.payload.clear();
    return task;
}

}  // namespace

Scheduler::Scheduler(std::vector<Task> tasks, SchedulerOptions options)
    : options_(options), waiting_(std::move(tasks)) {
    std::sort(waiting_.begin(), waiting_.end(), runs_later);
    for (const Task& task : waiting_) settled_.cost_total += task.cost;
}

std::vector<Action> Scheduler::on(WorkerId worker, const Message& message) {
    if (std::holds_alternative<Ready>(message)) {
        workers_.try_emplace(worker, std::nullopt);
        return assign_to_idle();
    }
    if (const auto* finished_message = std::get_if<Finished>(&message)) {
        return finished(worker, *finished_message);
    }
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        const auto known = workers_.find(worker);
        if (known != workers_.end() && known->second && known->second->id == heartbeat->attempt) {
            known->second->fraction = heartbeat->pace.fraction;
        }
    }
    return {};
}

std::vector<Action> Scheduler::finished(WorkerId worker, const Finished& message) {
    const auto known = workers_.find(worker);
    if (known == workers_.end() || !known->second || known->second->id != message.attempt) {
        return {
            NoteAction{"dropped the late result of an older attempt", message.task.hex(), worker}};
    }
    std::vector<Action> actions;
    settle(*std::exchange(known->second, std::nullopt), worker, message.report, actions);
    for (Action& action : assign_to_idle()) actions.push_back(std::move(action));
    return actions;
}

void Scheduler::settle(Attempt attempt,
                       WorkerId worker,
                       const TaskReport& report,
                       std::vector<Action>& actions) {
    const Task known = without_payload(attempt.task);
    const auto give_up = [&](std::uint32_t strikes) {
        settled_.failed += 1;
        actions.push_back(GiveUpAction{known, report.reason, strikes});
    };
    switch (report.outcome) {
        case TaskOutcome::done:
            settled_.done += 1;
            settled_.cost_done += known.cost;
            actions.push_back(CommitAction{known, attempt.id, worker, report});
            break;
        case TaskOutcome::failed: give_up(strikes_[known.digest]); break;
        case TaskOutcome::crashed: {
            const std::uint32_t strikes = ++strikes_[known.digest];
            actions.push_back(NoteAction{fmt::format("trainer crashed ({}), strike {} of {}",
                                                     report.reason, strikes, options_.strikes),
                                         known.name, worker});
            if (strikes >= options_.strikes) {
                give_up(strikes);
            } else {
                put_back(std::move(attempt.task));
            }
            break;
        }
        case TaskOutcome::stopped: put_back(std::move(attempt.task)); break;
    }
}

void Scheduler::put_back(Task task) {
    const auto place = std::upper_bound(waiting_.begin(), waiting_.end(), task, runs_later);
    waiting_.insert(place, std::move(task));
}

std::vector<Action> Scheduler::assign_to_idle() {
    std::vector<Action> actions;
    for (auto& [worker, attempt] : workers_) {
        if (stopping_ || waiting_.empty()) break;
        if (attempt) continue;
        attempt = Attempt{AttemptId(++attempts_), std::move(waiting_.back())};
        waiting_.pop_back();
        actions.push_back(SendAction{worker, Assign{attempt->id, attempt->task}});
    }
    return actions;
}

std::vector<Action> Scheduler::checkpoint() const {
    std::vector<Action> actions;
    for (const auto& [worker, attempt] : workers_) {
        if (attempt) actions.push_back(SendAction{worker, Checkpoint{}});
    }
    return actions;
}

std::vector<Action> Scheduler::stop() {
    std::vector<Action> actions;
    if (std::exchange(stopping_, true)) return actions;
    for (const auto& [worker, attempt] : workers_) {
        if (attempt) actions.push_back(SendAction{worker, Stop{}});
    }
    return actions;
}

bool Scheduler::over() const {
    const bool idle = std::none_of(workers_.begin(), workers_.end(),
                                   [](const auto& entry) { return entry.second.has_value(); });
    return idle && (stopping_ || waiting_.empty());
}

std::vector<Action> Scheduler::dismiss() const {
    std::vector<Action> actions;
    for (const auto& entry : workers_) actions.push_back(SendAction{entry.first, Quit{}});
    return actions;
}

FarmCounts Scheduler::counts() const {
    FarmCounts counts = settled_;
    counts.waiting = waiting_.size();
    for (const auto& entry : workers_) {
        if (!entry.second) continue;
        counts.running += 1;
        counts.cost_done += entry.second->fraction * entry.second->task.cost;
    }
    return counts;
}

}  // namespace ratiofarm
