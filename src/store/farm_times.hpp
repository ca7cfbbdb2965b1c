#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ratiofarm {

/// One attempt of a worker at a task. Times are seconds since the farm began.
struct BusyTime {
    std::uint64_t worker = 0;
    double begin = 0.0;
    double end = 0.0;
};

/// When the workers of one farm were busy.
class FarmTimes {
public:
    /// \param workers numbered 0 ... workers - 1
    explicit FarmTimes(std::uint64_t workers = 0) : workers_(workers) {}

    void begin(std::uint64_t worker, double now);        ///< an attempt; ends the one before
    void end(std::uint64_t worker, double now);          ///< nothing if it was idle
    void tail_begins(double now) { tail_begin_ = now; }  ///< no task waits; the last call counts
    void farm_ends(double now);

    std::uint64_t workers() const { return workers_; }
    double seconds() const { return seconds_; }  ///< latest time that is known
    bool ended() const { return ended_; }
    std::optional<double> tail_begin() const { return tail_begin_; }

    /// Ended attempts, then those that still run at `now`, ended there.
    std::vector<BusyTime> busy_until(double now) const;

    std::string stage;  ///< that the farm belongs to; empty while it runs

private:
    void see(std::uint64_t worker, double now);

    std::uint64_t workers_;
    std::vector<BusyTime> busy_;
    std::map<std::uint64_t, double> running_;  ///< since when
    std::optional<double> tail_begin_;
    double seconds_ = 0.0;
    bool ended_ = false;
};

/// What the workers of a farm did with their time.
struct FarmProfile {
    double seconds = 0.0;                   ///< of the farm
    double busy_seconds = 0.0;              ///< over all workers
    double tail_seconds = 0.0;              ///< after the last task stopped waiting
    double tail_idle_seconds = 0.0;         ///< over all workers, within the tail
    std::vector<double> share_of_worker;    ///< [n_workers], busy part of the farm's time, 0 to 1
    std::vector<double> share_in_interval;  ///< [intervals] of equal length; mean over the workers

    double utilisation() const {
        const double whole = seconds * static_cast<double>(share_of_worker.size());
        return whole > 0.0 ? busy_seconds / whole : 0.0;
    }
};

/// \param now seconds since the farm began, at least farm.seconds()
/// \param intervals > 0
FarmProfile profile_of(const FarmTimes& farm, double now, std::size_t intervals);

/// The farms of the last run of the program that had tasks, put together from a journal's lines.
class RunTimes {
public:
    void program_started(std::uint64_t ranks);
    void attempt_began(std::uint64_t worker, double at);
    void attempt_ended(std::uint64_t worker, double at);
    void farm_ended(double seconds, double tail_seconds);
    void stage_ended(const std::string& stage);

    const std::vector<FarmTimes>& farms() const { return farms_; }

private:
    std::vector<FarmTimes> farms_;
    std::uint64_t ranks_ = 1;
    bool farm_runs_ = false;
    bool new_run_ = true;  ///< no task began since the program started
};

}  // namespace ratiofarm
