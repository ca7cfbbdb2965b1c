#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "farm/message.hpp"
#include "store/farm_progress.hpp"

namespace ratiofarm {

/// What the scheduler wants done; the loop around it does it.
struct SendAction {
    WorkerId to;
    Message message;
};
/// The task's result is published and counts: write it down.
struct CommitAction {
    Task task;  ///< without payload
    AttemptId attempt;
    WorkerId worker;
    TaskReport report;
};
/// The task is given up for good, after `strikes` crashes, a failure that cannot be mended, or that
/// of a task before it.
struct GiveUpAction {
    Task task;  ///< without payload
    std::string reason;
    std::uint32_t strikes = 0;
};
/// Worth a line in the log: late messages, crashes.
struct NoteAction {
    std::string text;
    std::string task;
    WorkerId worker;
    TaskKind kind = TaskKind::unknown;  ///< also of late results
};
using Action = std::variant<SendAction, CommitAction, GiveUpAction, NoteAction>;

struct SchedulerOptions {
    std::uint32_t strikes = 3;  ///< crashes of the trainer after which a task is given up
    /// Different tasks that crash on a worker, one after the other, before it gets no more. The
    /// last worker is never set aside.
    std::uint32_t worker_crashes = 4;
};

/// Progress of the whole farm.
struct FarmCounts {
    std::uint64_t waiting = 0;  ///< also for tasks before them
    std::uint64_t running = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    double cost_done = 0.0;     ///< including the fractions of running tasks
    double cost_brought = 0.0;  ///< of that, what checkpoints of earlier farms had done
    double cost_total = 0.0;
};

/// Hands out tasks to workers: first the one with the most expected work from its beginning to the
/// end of the longest chain of tasks that follow it (Task::after). A state machine: a message comes
/// in, actions go out; no MPI, no files, no clock.
///
///     task      event                        next       actions
///     blocked   its last parent is done      waiting    none
///               a parent is given up         given up   GiveUp
///     waiting   a worker is idle             running    Assign with a new attempt
///     running   Finished done                done       Commit
///               Finished failed              given up   GiveUp
///               Finished crashed             waiting    Note, a strike; another worker if there is
///                 ... the last strike        given up   Note, GiveUp
///               Finished stopped             waiting    none: nobody's fault
///               Finished postponed           waiting    Note; the farm stops
///     none      added                        waiting    none; blocked if a parent is not done
///     waiting   withdrawn                    withdrawn  none
///     running   withdrawn                    withdrawn  Stop; Note when it ends, however it does
///     any       message of another attempt   the same   Note: dropped
///
///     worker    event                        next
///     unknown   Ready                        idle
///     idle      a task waits                 running (unless the farm stops)
///     running   Finished of its attempt      idle
///               ... and it crashed too many  set aside: no more tasks
class Scheduler {
public:
    /// \param tasks distinct digests, in any order
    explicit Scheduler(std::vector<Task> tasks, SchedulerOptions options = {});

    /// More tasks for the running farm, which idle workers begin at once. \param tasks with digests
    /// that no task had before that was not withdrawn; none of them comes before an older task
    std::vector<Action> add(std::vector<Task> tasks);

    /// Another job does this task, which no other task comes after.
    std::vector<Action> withdraw(const Digest& task);

    /// A worker said something. Messages of attempts that are not under way are dropped with a
    /// note.
    std::vector<Action> on(WorkerId worker, const Message& message);

    /// Everyone writes a checkpoint and goes on.
    std::vector<Action> checkpoint() const;

    /// Everyone checkpoints and stops; nothing new is handed out.
    std::vector<Action> stop();

    /// Costs learned meanwhile, of all tasks and in one unit; those that wait are put in order.
    void reprice(const std::function<double(const Task&)>& cost);

    /// Why the farm stopped by itself; empty if it did not.
    const std::string& trouble() const { return trouble_; }

    /// Longest time that a checkpoint took in this farm, in seconds; 0 before the first.
    double checkpoint_seconds() const { return checkpoint_seconds_; }

    bool stopping() const { return stopping_; }

    /// No task is running, and none will be: the workers may leave.
    bool over() const;

    /// Every known worker is told to leave.
    std::vector<Action> dismiss() const;

    FarmCounts counts() const;

    std::size_t idle_workers() const { return idle_.size(); }
    double waiting_cost() const;  ///< of the tasks that could begin

    /// What the workers are at, by worker.
    std::vector<RunningTask> running() const;

private:
    enum class State : std::uint8_t { open, done, given_up, withdrawn };
    struct Entry {
        Task task;
        State state = State::open;
        std::uint32_t strikes = 0;
        std::optional<WorkerId> crashed_on = {};  ///< the last one
        std::vector<std::size_t> children = {};
        std::size_t blockers = 0;  ///< parents that are not done
        double ahead = 0.0;        ///< cost of the longest chain that begins here
    };
    struct Attempt {
        AttemptId id;
        std::size_t task = 0;  ///< index of the entry
        TaskProgress progress = {};
        bool heard = false;  ///< of its progress
    };
    struct WorkerState {
        std::optional<Attempt> attempt;
        std::uint32_t crashes = 0;  ///< of different tasks, one after the other
        std::optional<std::size_t> last_crash;
        bool set_aside = false;
    };
    struct Place {
        double ahead = 0.0;
        Digest digest;
        std::size_t task = 0;
        /// The longest way to go first; ties by digest, so that the order is always the same.
        bool operator<(const Place& other) const {
            return ahead != other.ahead ? ahead > other.ahead : digest < other.digest;
        }
    };

    std::vector<Action> assign_to_idle();
    void tie(std::size_t first, std::vector<Action>& actions);
    void look_ahead();
    std::optional<std::size_t> take_task_for(WorkerId worker);
    std::vector<Action> finished(WorkerId worker, const Finished& message);
    void heartbeat(WorkerId worker, const Heartbeat& message);
    void settle(Attempt attempt,
                WorkerId worker,
                const TaskReport& report,
                std::vector<Action>& actions);
    void crashed(std::size_t task,
                 WorkerId worker,
                 const TaskReport& report,
                 std::vector<Action>& actions);
    void judge_worker(std::size_t task, WorkerId worker, std::vector<Action>& actions);
    void give_up(std::size_t task, const std::string& reason, std::vector<Action>& actions);
    void give_up_after(std::size_t parent, std::vector<Action>& actions);
    void put_back(std::size_t task);

    SchedulerOptions options_;
    std::vector<Entry> tasks_;
    std::unordered_map<Digest, std::size_t> by_digest_;
    std::uint64_t blocked_ = 0;
    std::set<Place> waiting_;
    std::map<WorkerId, WorkerState> workers_;
    std::set<WorkerId> idle_;
    std::size_t set_aside_ = 0;
    std::uint64_t attempts_ = 0;
    std::uint64_t running_ = 0;
    double checkpoint_seconds_ = 0.0;
    std::string trouble_;
    bool stopping_ = false;
    FarmCounts settled_;
};

}  // namespace ratiofarm
