#include "scheduler.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

Task without_payload(const Task& task) {
    return {task.digest, task.name, task.cost, {}, task.identity};
}

}  // namespace

Scheduler::Scheduler(std::vector<Task> tasks, SchedulerOptions options) : options_(options) {
    tasks_.reserve(tasks.size());
    add(std::move(tasks));
}

std::vector<Action> Scheduler::add(std::vector<Task> tasks) {
    const std::size_t first = tasks_.size();
    for (Task& task : tasks) {
        settled_.cost_total += task.cost;
        by_digest_.insert_or_assign(task.digest, tasks_.size());
        const std::uint32_t strikes = task.strikes;
        tasks_.push_back({.task = std::move(task), .strikes = strikes});
    }
    std::vector<Action> actions;
    tie(first, actions);
    for (Action& action : assign_to_idle()) actions.push_back(std::move(action));
    return actions;
}

std::vector<Action> Scheduler::withdraw(const Digest& task) {
    const auto known = by_digest_.find(task);
    if (known == by_digest_.end() || tasks_[known->second].state != State::open) return {};
    Entry& entry = tasks_[known->second];
    entry.state = State::withdrawn;
    entry.task.payload = {};
    settled_.cost_total -= entry.task.cost;
    if (waiting_.erase({entry.ahead, task, known->second}) > 0) return {};
    for (const auto& [worker, state] : workers_) {
        if (state.attempt && state.attempt->task == known->second) {
            return {SendAction{worker, Stop{}}};
        }
    }
    return {};
}

/// New tasks and their parents; those without wait.
void Scheduler::tie(std::size_t first, std::vector<Action>& actions) {
    bool tied = false;
    std::vector<std::size_t> lost;  // after a task that was given up
    for (std::size_t task = first; task < tasks_.size(); ++task) {
        for (const Digest& digest : tasks_[task].task.after) {
            const auto parent = by_digest_.find(digest);
            if (parent == by_digest_.end() || tasks_[parent->second].state == State::done) continue;
            if (tasks_[parent->second].state == State::given_up) lost.push_back(parent->second);
            tasks_[parent->second].children.push_back(task);
            tasks_[task].blockers += 1;
            tied = true;
        }
        if (tasks_[task].blockers > 0) {
            blocked_ += 1;
        } else {
            tasks_[task].ahead = tasks_[task].task.cost;
            put_back(task);
        }
    }
    if (tied) look_ahead();
    for (const std::size_t parent : lost) give_up_after(parent, actions);
}

/// The ways to go of all tasks, from the last ones of the chains to the first, and with them the
/// order of those that wait. There is no circle, since a digest contains those of the parents.
void Scheduler::look_ahead() {
    std::vector<std::size_t> before(tasks_.size(), 0);  // parents that were not seen yet
    for (const Entry& entry : tasks_) {
        for (const std::size_t child : entry.children) before[child] += 1;
    }
    std::vector<std::size_t> order;  // parents first
    order.reserve(tasks_.size());
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
        if (before[task] == 0) order.push_back(task);
    }
    for (std::size_t next = 0; next < order.size(); ++next) {
        for (const std::size_t child : tasks_[order[next]].children) {
            if (--before[child] == 0) order.push_back(child);
        }
    }
    for (auto task = order.rbegin(); task != order.rend(); ++task) {
        double longest = 0.0;
        for (const std::size_t child : tasks_[*task].children) {
            longest = std::max(longest, tasks_[child].ahead);
        }
        tasks_[*task].ahead = tasks_[*task].task.cost + longest;
    }
    std::set<Place> in_new_order;
    for (const Place& place : waiting_) {
        in_new_order.insert({tasks_[place.task].ahead, place.digest, place.task});
    }
    waiting_ = std::move(in_new_order);
}

std::vector<Action> Scheduler::on(WorkerId worker, const Message& message) {
    if (std::holds_alternative<Ready>(message)) {
        if (workers_.try_emplace(worker).second) idle_.insert(worker);
        return assign_to_idle();
    }
    if (const auto* end = std::get_if<Finished>(&message)) return finished(worker, *end);
    if (const auto* life = std::get_if<Heartbeat>(&message)) heartbeat(worker, *life);
    return {};
}

void Scheduler::heartbeat(WorkerId worker, const Heartbeat& message) {
    const auto known = workers_.find(worker);
    if (known == workers_.end() || !known->second.attempt) return;
    if (known->second.attempt->id != message.attempt) return;
    Attempt& attempt = *known->second.attempt;
    // The first word comes after the first step.
    if (!std::exchange(attempt.heard, true)) {
        settled_.cost_brought += message.progress.fraction * tasks_[attempt.task].task.cost;
    }
    attempt.progress = message.progress;
    checkpoint_seconds_ = std::max(checkpoint_seconds_, message.progress.checkpoint_seconds);
}

std::vector<Action> Scheduler::finished(WorkerId worker, const Finished& message) {
    const auto known = workers_.find(worker);
    if (known == workers_.end() || !known->second.attempt ||
        known->second.attempt->id != message.attempt) {
        return {
            NoteAction{"dropped the late result of an older attempt", message.task.hex(), worker}};
    }
    std::vector<Action> actions;
    running_ -= 1;
    settle(*std::exchange(known->second.attempt, std::nullopt), worker, message.report, actions);
    if (!known->second.set_aside) idle_.insert(worker);
    for (Action& action : assign_to_idle()) actions.push_back(std::move(action));
    return actions;
}

void Scheduler::settle(Attempt attempt,
                       WorkerId worker,
                       const TaskReport& report,
                       std::vector<Action>& actions) {
    Entry& entry = tasks_[attempt.task];
    if (entry.state == State::withdrawn) {
        actions.push_back(NoteAction{"dropped: another job has taken this task over",
                                     entry.task.name, worker, entry.task.identity.kind});
        return;
    }
    switch (report.outcome) {
        case TaskOutcome::done:
            settled_.done += 1;
            settled_.cost_done += entry.task.cost;
            entry.task.payload = {};
            entry.state = State::done;
            workers_[worker].crashes = 0;
            actions.push_back(
                CommitAction{without_payload(entry.task), attempt.id, worker, report});
            for (const std::size_t child : entry.children) {
                if (--tasks_[child].blockers > 0 || tasks_[child].state != State::open) continue;
                blocked_ -= 1;
                put_back(child);
            }
            break;
        case TaskOutcome::failed: give_up(attempt.task, report.reason, actions); break;
        case TaskOutcome::crashed: crashed(attempt.task, worker, report, actions); break;
        case TaskOutcome::stopped: put_back(attempt.task); break;
        case TaskOutcome::postponed:
            put_back(attempt.task);
            actions.push_back(NoteAction{"cannot go on now: " + report.reason, entry.task.name,
                                         worker, entry.task.identity.kind});
            if (trouble_.empty()) trouble_ = report.reason;
            for (Action& action : stop()) actions.push_back(std::move(action));
            break;
    }
}

void Scheduler::crashed(std::size_t task,
                        WorkerId worker,
                        const TaskReport& report,
                        std::vector<Action>& actions) {
    Entry& entry = tasks_[task];
    entry.strikes += 1;
    entry.crashed_on = worker;
    actions.push_back(NoteAction{fmt::format("trainer crashed ({}), strike {} of {}", report.reason,
                                             entry.strikes, options_.strikes),
                                 entry.task.name, worker, entry.task.identity.kind});
    judge_worker(task, worker, actions);
    if (entry.strikes >= options_.strikes) {
        give_up(task, report.reason, actions);
    } else {
        put_back(task);
    }
}

/// One task that crashes everywhere is the task's fault; many different ones are the worker's.
void Scheduler::judge_worker(std::size_t task, WorkerId worker, std::vector<Action>& actions) {
    WorkerState& state = workers_[worker];
    if (std::exchange(state.last_crash, task) != task) state.crashes += 1;
    if (state.crashes < options_.worker_crashes || set_aside_ + 1 >= workers_.size()) return;
    state.set_aside = true;
    set_aside_ += 1;
    actions.push_back(NoteAction{
        fmt::format("set aside: the last {} tasks crashed on this worker", state.crashes),
        tasks_[task].task.name, worker, tasks_[task].task.identity.kind});
}

void Scheduler::give_up(std::size_t task, const std::string& reason, std::vector<Action>& actions) {
    Entry& entry = tasks_[task];
    settled_.failed += 1;
    entry.task.payload = {};
    entry.state = State::given_up;
    actions.push_back(GiveUpAction{without_payload(entry.task), reason, entry.strikes});
    give_up_after(task, actions);
}

/// All that come after a task that was given up.
void Scheduler::give_up_after(std::size_t parent, std::vector<Action>& actions) {
    const std::string reason =
        fmt::format("not begun: it needs '{}', which failed", tasks_[parent].task.name);
    std::vector<std::size_t> lost{parent};
    while (!lost.empty()) {
        const std::size_t task = lost.back();
        lost.pop_back();
        for (const std::size_t child : tasks_[task].children) {
            Entry& entry = tasks_[child];
            if (entry.state != State::open) continue;
            blocked_ -= 1;
            settled_.failed += 1;
            entry.task.payload = {};
            entry.state = State::given_up;
            actions.push_back(GiveUpAction{without_payload(entry.task), reason, 0});
            lost.push_back(child);
        }
    }
}

void Scheduler::put_back(std::size_t task) {
    waiting_.insert({tasks_[task].ahead, tasks_[task].task.digest, task});
}

/// The first in order that did not just crash on this worker, if others could take that one.
std::optional<std::size_t> Scheduler::take_task_for(WorkerId worker) {
    const bool choosy = workers_.size() - set_aside_ > 1;
    const auto place = std::find_if(waiting_.begin(), waiting_.end(), [&](const Place& candidate) {
        return !choosy || tasks_[candidate.task].crashed_on != worker;
    });
    if (place == waiting_.end()) return std::nullopt;
    const std::size_t task = place->task;
    waiting_.erase(place);
    return task;
}

std::vector<Action> Scheduler::assign_to_idle() {
    std::vector<Action> actions;
    for (auto worker = idle_.begin(); worker != idle_.end();) {
        if (stopping_ || waiting_.empty()) break;
        const auto task = take_task_for(*worker);
        if (!task) {
            ++worker;
            continue;
        }
        const AttemptId id(++attempts_);
        workers_[*worker].attempt = Attempt{id, *task, 0.0};
        running_ += 1;
        actions.push_back(SendAction{*worker, Assign{id, tasks_[*task].task}});
        worker = idle_.erase(worker);
    }
    return actions;
}

std::vector<Action> Scheduler::checkpoint() const {
    std::vector<Action> actions;
    for (const auto& [worker, state] : workers_) {
        if (state.attempt) actions.push_back(SendAction{worker, Checkpoint{}});
    }
    return actions;
}

std::vector<Action> Scheduler::stop() {
    std::vector<Action> actions;
    if (std::exchange(stopping_, true)) return actions;
    for (const auto& [worker, state] : workers_) {
        if (state.attempt) actions.push_back(SendAction{worker, Stop{}});
    }
    return actions;
}

void Scheduler::reprice(const std::function<double(const Task&)>& cost) {
    settled_.cost_done = settled_.cost_total = 0.0;
    for (Entry& entry : tasks_) {
        if (entry.state == State::withdrawn) continue;
        entry.task.cost = cost(entry.task);
        settled_.cost_total += entry.task.cost;
        if (entry.state == State::done) settled_.cost_done += entry.task.cost;
    }
    look_ahead();
}

bool Scheduler::over() const { return running_ == 0 && (stopping_ || waiting_.empty()); }

std::vector<Action> Scheduler::dismiss() const {
    std::vector<Action> actions;
    for (const auto& entry : workers_) actions.push_back(SendAction{entry.first, Quit{}});
    return actions;
}

FarmCounts Scheduler::counts() const {
    FarmCounts counts = settled_;
    counts.waiting = waiting_.size() + blocked_;
    counts.running = running_;
    for (const auto& [worker, state] : workers_) {
        if (!state.attempt) continue;
        counts.cost_done +=
            state.attempt->progress.fraction * tasks_[state.attempt->task].task.cost;
    }
    return counts;
}

double Scheduler::waiting_cost() const {
    double cost = 0.0;
    for (const Place& place : waiting_) cost += tasks_[place.task].task.cost;
    return cost;
}

std::vector<RunningTask> Scheduler::running() const {
    std::vector<RunningTask> running;
    for (const auto& [worker, state] : workers_) {
        if (!state.attempt) continue;
        running.push_back(
            {tasks_[state.attempt->task].task.name, worker.value, state.attempt->progress});
    }
    return running;
}

}  // namespace ratiofarm
