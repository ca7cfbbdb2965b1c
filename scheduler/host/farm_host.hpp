#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "farm/channel.hpp"
#include "scheduler/scheduler.hpp"
#include "store/farm_times.hpp"

#include "run_farm.hpp"
#include "task_pool.hpp"

namespace ratiofarm {

/// Rank 0's half of a farm: feeds the scheduler and does what it asks for.
class FarmHost {
public:
    struct Links {
        int ranks;
        Channel& channel;
        Journal& journal;
        const Log& log;
    };
    FarmHost(Links links, std::vector<Task> tasks, const FarmOptions& options);

    void receive(WorkerId worker, const Message& message);
    void step();  ///< never blocks; often
    FarmEnd end() const;

private:
    void obey_signals();
    void watch_the_time(Instant now);
    void note_end(WorkerId worker, const Finished& message);
    void finished(WorkerId worker, Finished message);
    void tend_claims(Instant now);
    bool claim_more(Instant now);
    bool knows_costs() const;
    bool runs_short() const;
    double look_seconds() const;
    void withdraw_lost(Instant now);
    void with_claims(const std::function<void(Claims&)>& work);
    void learn(const Task& task, const TaskResult& result);
    void ask_for_more(const Digest& ended, TaskOutcome how);
    void add(std::vector<Task> tasks);
    bool awaits_others();
    void commit_lines();
    void send_stops(Instant now);
    void stop(std::string why);
    void dismiss();
    double elapsed() const;  ///< seconds since the farm began
    FarmProgress progress() const;
    void show_progress(Instant now);

    void perform(std::vector<Action> actions);
    void perform_one(const SendAction& action);
    void perform_one(const CommitAction& action);
    void perform_one(const GiveUpAction& action);
    void perform_one(const NoteAction& action);

    Links links_;
    FarmOptions options_;
    std::unordered_map<Digest, double> flop_;
    std::optional<TaskPool> pool_;  ///< of a job that joined others
    bool toys_ = false;             ///< are what this farm does
    Scheduler scheduler_;
    FarmTimes times_;
    std::vector<std::string> failures_;
    std::vector<TaskCommitted> commits_;
    std::string trouble_;
    std::deque<WorkerId> stops_;  ///< not sent yet
    int known_workers_ = 0;
    std::uint64_t learned_ = 0;  ///< tasks since costs were revised
    Instant begin_;
    Instant next_commit_;
    Instant next_progress_;  ///< line in the log
    Instant next_look_;      ///< of who watches
    Instant next_wave_;
    Instant next_tending_;             ///< of the claims
    Instant next_claims_;              ///< for idle workers
    Instant next_refill_;              ///< of what waits for busy ones
    Instant::duration claiming_ = {};  ///< time that claims took
    double claiming_work_ = 0.0;       ///< processor seconds of it
    Instant::duration looking_ = {};   ///< of the time, in claim_more()
    std::uint64_t looks_ = 0;
    bool dismissed_ = false;
};

}  // namespace ratiofarm
