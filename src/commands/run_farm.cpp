#include "run_farm.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/signal_flags.hpp"
#include "ratiofarm/farm/mpi_channel.hpp"
#include "ratiofarm/farm/worker.hpp"
#include "ratiofarm/scheduler/scheduler.hpp"

namespace ratiofarm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto commit_interval = 500ms;  // lines of the journal become durable in groups
constexpr auto progress_interval = 10s;  // between progress lines in the log
constexpr auto idle_sleep = 1ms;         // polling at this pace costs under 1 % of a core

bool is_for_scheduler(const Message& message) {
    return std::holds_alternative<Ready>(message) || std::holds_alternative<Heartbeat>(message) ||
           std::holds_alternative<Finished>(message);
}

/// Rank 0's half: feeds the scheduler and does what it asks for.
class Host {
public:
    Host(std::vector<Task> tasks, int ranks, Channel& channel, Journal& journal, const Log& log)
        : scheduler_(std::move(tasks)),
          ranks_(ranks),
          channel_(channel),
          journal_(journal),
          log_(log),
          next_progress_(Clock::now() + progress_interval) {}

    void receive(WorkerId worker, const Message& message) {
        if (std::holds_alternative<Ready>(message)) known_workers_ += 1;
        perform(scheduler_.on(worker, message));
    }

    void step() {
        const SignalRequest request = signal_request();
        if (request == SignalRequest::stop) perform(scheduler_.stop());
        if (request == SignalRequest::checkpoint) {
            clear_checkpoint_request();
            perform(scheduler_.checkpoint());
        }
        const auto now = Clock::now();
        if (now >= next_commit_) {
            journal_.flush();
            next_commit_ = now + commit_interval;
        }
        if (now >= next_progress_) {
            log_progress();
            next_progress_ = now + progress_interval;
        }
        // Everyone must be known before anyone is told to leave.
        if (!dismissed_ && known_workers_ == ranks_ && scheduler_.over()) {
            journal_.flush();
            perform(scheduler_.dismiss());
            dismissed_ = true;
        }
    }

    FarmEnd end() const {
        const FarmCounts counts = scheduler_.counts();
        return {counts.done, counts.failed, counts.waiting, failures_};
    }

private:
    void perform(std::vector<Action> actions) {
        for (Action& action : actions) {
            std::visit([&](auto& value) { perform_one(value); }, action);
        }
    }
    void perform_one(const SendAction& action) { channel_.send(action.to, action.message); }
    void perform_one(const CommitAction& action) {
        const TaskReport& report = action.report;
        journal_.write(TaskCommitted{action.task.digest, action.task.name, action.attempt.value,
                                     action.worker.value, report.bytes, report.crc, report.seconds,
                                     report.resumed, false});
        log_.info("task done", {{"task", action.task.name},
                                {"rank", action.worker.value},
                                {"seconds", report.seconds},
                                {"resumed", report.resumed ? "yes" : "no"}});
    }
    void perform_one(const GiveUpAction& action) {
        journal_.write(
            TaskGivenUp{action.task.digest, action.task.name, action.reason, action.strikes});
        failures_.push_back(fmt::format("{}: {}", action.task.name, action.reason));
        log_.error("task failed for good", {{"task", action.task.name}, {"reason", action.reason}});
    }
    void perform_one(const NoteAction& action) {
        log_.warning(action.text, {{"task", action.task}, {"rank", action.worker.value}});
    }

    void log_progress() {
        const FarmCounts counts = scheduler_.counts();
        const double fraction =
            counts.cost_total > 0.0 ? counts.cost_done / counts.cost_total : 0.0;
        const double elapsed = std::chrono::duration<double>(Clock::now() - begin_).count();
        log_.info("progress",
                  {{"done", counts.done},
                   {"running", counts.running},
                   {"waiting", counts.waiting},
                   {"failed", counts.failed},
                   {"percent", 100.0 * fraction},
                   {"seconds_left", fraction > 0.0 ? elapsed * (1.0 - fraction) / fraction : 0.0}});
    }

    Scheduler scheduler_;
    int ranks_;
    int known_workers_ = 0;
    Channel& channel_;
    Journal& journal_;
    const Log& log_;
    std::vector<std::string> failures_;
    Clock::time_point begin_ = Clock::now();
    Clock::time_point next_commit_ = Clock::now();
    Clock::time_point next_progress_;
    bool dismissed_ = false;
};

}  // namespace

FarmEnd run_farm(const mpi::Communicator& world,
                 std::vector<Task> tasks,
                 TaskRunner& runner,
                 Journal* journal,
                 const Log& log) {
    RATIOFARM_EXPECT(world.is_root() == (journal != nullptr));
    const auto channel = make_mpi_channel(world);
    Worker worker(*channel, runner);
    std::optional<Host> host;
    if (world.is_root()) host.emplace(std::move(tasks), world.size(), *channel, *journal, log);

    while (!worker.quit()) {
        bool busy = worker.step();
        while (const auto envelope = channel->receive()) {
            busy = true;
            if (is_for_scheduler(envelope->message)) {
                RATIOFARM_EXPECT(host.has_value());
                host->receive(envelope->peer, envelope->message);
            } else {
                worker.receive(envelope->message);
            }
        }
        if (host) host->step();
        if (!busy) std::this_thread::sleep_for(idle_sleep);
    }

    FarmEnd end;
    if (host) end = host->end();
    std::array<std::uint64_t, 3> numbers{end.done, end.failed, end.left};
    mpi::all_sum(world, numbers);
    end.done = numbers[0];
    end.failed = numbers[1];
    end.left = numbers[2];
    return end;
}

}  // namespace ratiofarm
