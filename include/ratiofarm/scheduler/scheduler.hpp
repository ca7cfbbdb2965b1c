#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ratiofarm/farm/message.hpp"

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
/// The task is given up for good, after `strikes` crashes or a failure that cannot be mended.
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
};
using Action = std::variant<SendAction, CommitAction, GiveUpAction, NoteAction>;

struct SchedulerOptions {
    std::uint32_t strikes = 3;  ///< crashes of the trainer after which a task is given up
};

/// Progress of the whole farm.
struct FarmCounts {
    std::uint64_t waiting = 0;
    std::uint64_t running = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    double cost_done = 0.0;  ///< including the fractions of running tasks
    double cost_total = 0.0;
};

/// Hands out independent tasks to workers, longest expected first. A state machine: a message
/// comes in, actions go out; no MPI, no files, no clock.
class Scheduler {
public:
    /// \param tasks distinct digests
    explicit Scheduler(std::vector<Task> tasks, SchedulerOptions options = {});

    /// A worker said something. Messages of attempts that are not under way are dropped with a
    /// note.
    std::vector<Action> on(WorkerId worker, const Message& message);

    /// Everyone writes a checkpoint and goes on.
    std::vector<Action> checkpoint() const;

    /// Everyone checkpoints and stops; nothing new is handed out.
    std::vector<Action> stop();

    /// No task is running, and none will be: the workers may leave.
    bool over() const;

    /// Every known worker is told to leave.
    std::vector<Action> dismiss() const;

    FarmCounts counts() const;

private:
    struct Attempt {
        AttemptId id;
        Task task;
        double fraction = 0.0;
    };

    std::vector<Action> assign_to_idle();
    std::vector<Action> finished(WorkerId worker, const Finished& message);
    void settle(Attempt attempt,
                WorkerId worker,
                const TaskReport& report,
                std::vector<Action>& actions);
    void put_back(Task task);

    SchedulerOptions options_;
    std::vector<Task> waiting_;  ///< the next one is at the back
    std::map<WorkerId, std::optional<Attempt>> workers_;
    std::unordered_map<Digest, std::uint32_t> strikes_;
    std::uint64_t attempts_ = 0;
    bool stopping_ = false;
    FarmCounts settled_;
};

}  // namespace ratiofarm
