#include "farm_host.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/signal_flags.hpp"
#include "store/farm_progress.hpp"

namespace ratiofarm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto commit_interval = 500ms;   // lines of the journal become durable in groups
constexpr auto progress_interval = 10s;   // between progress lines in the log, at first
constexpr auto look_interval = 2s;        // between changes of what people watch
constexpr std::size_t live_columns = 79;  // of a live line, which does not wrap
constexpr std::uint64_t few_tasks = 100;  // each of which has a line in the log

std::unordered_map<Digest, double> flop_of(const std::vector<Task>& tasks) {
    std::unordered_map<Digest, double> flop;
    for (const Task& task : tasks) flop.emplace(task.digest, task.cost);
    return flop;
}

const char* word(TaskOutcome outcome) {
    switch (outcome) {
        case TaskOutcome::done: return "done";
        case TaskOutcome::failed: return "failed";
        case TaskOutcome::crashed: return "crashed";
        case TaskOutcome::stopped: return "stopped";
        case TaskOutcome::postponed: return "postponed";
    }
    return "";
}

std::vector<Task> with_expected_seconds(std::vector<Task> tasks, const CostModel& costs) {
    for (Task& task : tasks) task.cost = costs.seconds(task.identity, task.cost);
    return tasks;
}

}  // namespace

FarmHost::FarmHost(Links links, std::vector<Task> tasks, const FarmOptions& options)
    : links_(links),
      options_(options),
      flop_(flop_of(tasks)),
      scheduler_({}, {.strikes = options.strikes}),
      times_(static_cast<std::uint64_t>(links.ranks)),
      begin_(Clock::now()),
      next_commit_(begin_),
      next_progress_(begin_ + progress_interval),
      next_look_(begin_ + look_interval),
      next_wave_(begin_),
      next_tending_(begin_),
      next_claims_(begin_),
      next_refill_(begin_) {
    toys_ = !tasks.empty() && is_toys(tasks.front().identity.kind);
    tasks = with_expected_seconds(std::move(tasks), options_.costs);
    if (options_.claims == nullptr) {
        scheduler_.add(std::move(tasks));  // nobody is idle yet: no actions
        return;
    }
    pool_.emplace(std::move(tasks), *options_.claims);
    next_look_ = begin_;  // the first sign of life comes before the first claim
}

void FarmHost::receive(WorkerId worker, const Message& message) {
    if (std::holds_alternative<Ready>(message)) {
        known_workers_ += 1;
    }
    if (const auto* end = std::get_if<Finished>(&message)) return finished(worker, *end);
    perform(scheduler_.on(worker, message));
}

/// Of a task that another job has taken over nothing counts any more.
void FarmHost::finished(WorkerId worker, Finished message) {
    with_claims([&](Claims& claims) {
        if (message.report.outcome == TaskOutcome::crashed) claims.strike(message.task);
        if (claims.holds(message.task)) return;
        message.report = {.outcome = TaskOutcome::stopped, .reason = {}};
        withdraw_lost(Clock::now());
        claims.remove_lost_state(message.task);
    });
    note_end(worker, message);
    perform(scheduler_.on(worker, message));
}

double FarmHost::elapsed() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
}

/// Attempts that end in a commit have that line.
void FarmHost::note_end(WorkerId worker, const Finished& message) {
    const double at = elapsed();
    times_.end(worker.value, at);
    if (message.report.outcome == TaskOutcome::done) return;
    links_.journal.write(AttemptEnded{word(message.report.outcome), worker.value, at});
}

void FarmHost::step() {
    const Instant now = Clock::now();
    obey_signals();
    watch_the_time(now);
    send_stops(now);
    if (now >= next_commit_) {
        commit_lines();
        next_commit_ = now + commit_interval;
    }
    if (now >= next_look_ && !dismissed_) show_progress(now);
    tend_claims(now);
    if (!scheduler_.stopping() && awaits_others()) return;
    // All workers must be known before any is told to leave.
    if (dismissed_ || known_workers_ != links_.ranks || !scheduler_.over()) return;
    if (!claim_more(now)) dismiss();
}

void FarmHost::obey_signals() {
    const SignalRequest request = signal_request();
    if (request == SignalRequest::stop && !scheduler_.stopping()) {
        links_.log.info("stopping as asked: checkpoints are being written");
        perform(scheduler_.stop());
    }
    if (request == SignalRequest::checkpoint) {
        clear_checkpoint_request();
        perform(scheduler_.checkpoint());
    }
}

void FarmHost::watch_the_time(Instant now) {
    if (!options_.stop_by || scheduler_.stopping()) return;
    const Instant last = stop_time(*options_.stop_by, scheduler_.checkpoint_seconds(),
                                   static_cast<std::size_t>(links_.ranks));
    if (now >= last) stop("the time is over");
}

void FarmHost::stop(std::string why) {
    links_.log.info("stopping early", {{"why", why}});
    if (trouble_.empty()) trouble_ = std::move(why);
    perform(scheduler_.stop());
}

/// A journal that cannot be written stops the farm; results without a line are adopted later.
void FarmHost::commit_lines() {
    try {
        options_.expect_own();
        links_.journal.flush();
    } catch (const SystemError& error) {
        if (!scheduler_.stopping() || trouble_.empty()) stop(error.what());
    }
}

void FarmHost::send_stops(Instant now) {
    if (stops_.empty() || now < next_wave_) return;
    for (std::size_t sent = 0; sent < stop_wave && !stops_.empty(); ++sent) {
        links_.channel.send(stops_.front(), Stop{});
        stops_.pop_front();
    }
    next_wave_ = now + duration_of(stop_wave_interval(scheduler_.checkpoint_seconds()).count());
}

void FarmHost::dismiss() {
    const FarmProfile profile = profile_of(times_, elapsed(), 1);
    links_.journal.write(FarmEnded{profile.seconds, times_.workers(), profile.busy_seconds,
                                   profile.tail_seconds, profile.tail_idle_seconds});
    commit_lines();
    links_.log.live("");
    std::error_code ignored;
    std::filesystem::remove(progress_file(links_.journal.path()), ignored);
    links_.log.info("farm ended", {{"seconds", profile.seconds},
                                   {"workers", times_.workers()},
                                   {"busy_percent", std::round(100.0 * profile.utilisation())}});
    if (pool_) {
        links_.log.info("time spent with claims",
                        {{"tasks", scheduler_.counts().done},
                         {"seconds", std::chrono::duration<double>(claiming_).count()},
                         {"processor_seconds", claiming_work_}});
    }
    perform(scheduler_.dismiss());
    dismissed_ = true;
}

FarmEnd FarmHost::end() const {
    const FarmCounts counts = scheduler_.counts();
    FarmEnd end;
    end.done = counts.done;
    end.failed = counts.failed;
    end.left = counts.waiting;
    end.trouble = scheduler_.trouble().empty() ? trouble_ : scheduler_.trouble();
    end.stopped = counts.waiting > 0 || !end.trouble.empty();
    end.failures = failures_;
    end.commits = commits_;
    return end;
}

void FarmHost::perform(std::vector<Action> actions) {
    for (Action& action : actions) {
        std::visit([&](auto& value) { perform_one(value); }, action);
    }
}

void FarmHost::perform_one(const SendAction& action) {
    if (std::holds_alternative<Stop>(action.message)) {
        stops_.push_back(action.to);
        return;
    }
    if (const auto* assign = std::get_if<Assign>(&action.message)) {
        const double at = elapsed();
        times_.begin(action.to.value, at);
        if (scheduler_.counts().waiting == 0) times_.tail_begins(at);
        links_.journal.write(
            AttemptBegan{assign->task.name, action.to.value, at, assign->task.identity.kind});
        if (pool_ || assign->task.make_payload) {
            Assign whole = *assign;
            Task& task = whole.task;
            if (pool_) task.claim = options_.claims->attempt(task.digest);
            if (task.make_payload) task.payload = task.make_payload(task.claim);
            links_.channel.send(action.to, whole);
            return;
        }
    }
    links_.channel.send(action.to, action.message);
}

void FarmHost::perform_one(const CommitAction& action) {
    const TaskResult& result = action.report.result;
    commits_.push_back({.task = action.task.digest,
                        .name = action.task.name,
                        .identity = action.task.identity,
                        .attempt = action.attempt.value,
                        .worker = action.worker.value,
                        .result = result,
                        .adopted = false,
                        .flop = flop_[action.task.digest],
                        .at = elapsed()});
    links_.journal.write(commits_.back());
    if (pool_) {
        with_claims([&](Claims& claims) { claims.settle(action.task.digest, Clock::now()); });
        if (pool_->done(action.task.digest)) next_claims_ = Clock::now();
    }
    const bool tell = !links_.log.is_live() && flop_.size() <= few_tasks;
    const Log::Fields what{{"task", action.task.name},
                           {"rank", action.worker.value},
                           {"seconds", result.seconds},
                           {"resumed", result.resumed ? "yes" : "no"}};
    tell ? links_.log.info("task done", what) : links_.log.debug("task done", what);
    learn(action.task, result);
    ask_for_more(action.task.digest, TaskOutcome::done);
}

void FarmHost::ask_for_more(const Digest& ended, TaskOutcome how) {
    if (!options_.more) return;
    add(options_.more(ended, how));
}

void FarmHost::add(std::vector<Task> tasks) {
    for (const Task& task : tasks) flop_.emplace(task.digest, task.cost);
    perform(scheduler_.add(with_expected_seconds(std::move(tasks), options_.costs)));
}

bool FarmHost::awaits_others() {
    if (!options_.others) return false;
    auto tasks = options_.others();
    if (!tasks) return true;
    if (!tasks->empty()) add(std::move(*tasks));
    return false;
}

/// Costs are revised when the number of tasks they come from has doubled.
void FarmHost::learn(const Task& task, const TaskResult& result) {
    if (result.resumed) return;
    options_.costs.learn(task.identity, flop_[task.digest], result.seconds);
    learned_ += 1;
    if (2 * learned_ < options_.costs.tasks() + options_.costs.toy_tasks()) return;
    learned_ = 0;
    const auto cost = [this](const Task& known) {
        return options_.costs.seconds(known.identity, flop_[known.digest]);
    };
    scheduler_.reprice(cost);
    if (pool_) pool_->reprice(cost);
}

void FarmHost::perform_one(const GiveUpAction& action) {
    with_claims([&](Claims& claims) { claims.give_up(action.task.digest, action.reason); });
    links_.journal.write(TaskGivenUp{action.task.digest, action.task.name, action.task.identity,
                                     action.reason, action.strikes});
    failures_.push_back(fmt::format("{}: {}", action.task.name, action.reason));
    links_.log.error("task failed for good",
                     {{"task", action.task.name}, {"reason", action.reason}});
    ask_for_more(action.task.digest, TaskOutcome::failed);
}

void FarmHost::perform_one(const NoteAction& action) {
    links_.log.warning(action.text, {{"task", action.task}, {"rank", action.worker.value}});
    links_.journal.write(
        TaskNoted{action.task, action.kind, action.text, action.worker.value, elapsed()});
}

FarmProgress FarmHost::progress() const {
    const FarmCounts counts = scheduler_.counts();
    FarmProgress progress{.done = counts.done,
                          .running = counts.running,
                          .waiting = counts.waiting,
                          .failed = counts.failed,
                          .seconds = elapsed(),
                          .tasks = scheduler_.running()};
    if (pool_) {
        progress.done += pool_->done_elsewhere();
        progress.waiting += pool_->size();
        progress.claimable = pool_->claimable();
    }
    progress.done += options_.there.tasks;
    progress.there = options_.there.tasks;
    double there = 0.0;
    for (const auto& [task, flop] : options_.there.flop)
        there += options_.costs.seconds(task, flop);
    // Of a job that joined as if it did by itself all that others may do.
    const double cost = counts.cost_total + (pool_ ? pool_->cost() : 0.0) + there;
    if (cost > 0.0) {
        progress.fraction = (counts.cost_done + there) / cost;
        progress.brought = (counts.cost_brought + there) / cost;
    }
    for (const BusyTime& busy : times_.busy_until(progress.seconds)) {
        progress.busy_seconds += busy.end - busy.begin;
    }
    return progress;
}

/// For the terminal and `status` often; in the log ever more rarely.
void FarmHost::show_progress(Instant now) {
    const FarmProgress seen = progress();
    if (links_.log.is_live()) links_.log.live(seen.text(live_columns));
    write_progress(progress_file(links_.journal.path()), seen);
    next_look_ = now + (pool_ ? duration_of(sign_interval(options_.claims->lease()))
                              : Instant::duration(look_interval));
    if (now < next_progress_) return;
    if (!links_.log.is_live()) links_.log.info(seen.text());
    next_progress_ = now + std::max<Instant::duration>(progress_interval, (now - begin_) / 20);
}

}  // namespace ratiofarm
