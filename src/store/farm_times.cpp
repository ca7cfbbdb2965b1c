#include "farm_times.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

double overlap(const BusyTime& time, double begin, double end) {
    return std::max(std::min(time.end, end) - std::max(time.begin, begin), 0.0);
}

}  // namespace

void FarmTimes::see(std::uint64_t worker, double now) {
    workers_ = std::max(workers_, worker + 1);
    seconds_ = std::max(seconds_, now);
}

void FarmTimes::begin(std::uint64_t worker, double now) {
    end(worker, now);
    running_[worker] = now;
}

void FarmTimes::end(std::uint64_t worker, double now) {
    see(worker, now);
    const auto running = running_.find(worker);
    if (running == running_.end()) return;
    busy_.push_back({worker, running->second, now});
    running_.erase(running);
}

void FarmTimes::farm_ends(double now) {
    seconds_ = std::max(seconds_, now);
    ended_ = true;
}

std::vector<BusyTime> FarmTimes::busy_until(double now) const {
    std::vector<BusyTime> times = busy_;
    for (const auto& [worker, since] : running_) times.push_back({worker, since, now});
    return times;
}

FarmProfile profile_of(const FarmTimes& farm, double now, std::size_t intervals) {
    RATIOFARM_EXPECT(intervals > 0);
    RATIOFARM_EXPECT(now >= farm.seconds());
    const auto workers = static_cast<double>(farm.workers());
    const double tail_begin = farm.tail_begin().value_or(now);
    const double length = now / static_cast<double>(intervals);
    FarmProfile profile{.seconds = now,
                        .tail_seconds = now - tail_begin,
                        .tail_idle_seconds = workers * (now - tail_begin),
                        .share_of_worker = std::vector<double>(farm.workers()),
                        .share_in_interval = std::vector<double>(intervals)};
    if (now <= 0.0) return profile;
    for (const BusyTime& time : farm.busy_until(now)) {
        const double seconds = time.end - time.begin;
        profile.busy_seconds += seconds;
        profile.share_of_worker[time.worker] += seconds / now;
        profile.tail_idle_seconds -= overlap(time, tail_begin, now);
        const auto first = static_cast<std::size_t>(time.begin / length);
        for (std::size_t i = first; i < intervals; ++i) {
            const double begin = length * static_cast<double>(i);
            if (begin >= time.end) break;
            profile.share_in_interval[i] +=
                overlap(time, begin, begin + length) / (length * workers);
        }
    }
    return profile;
}

void RunTimes::program_started(std::uint64_t ranks) {
    ranks_ = ranks;
    new_run_ = true;
    farm_runs_ = false;
}

void RunTimes::attempt_began(std::uint64_t worker, double at) {
    if (new_run_) farms_.clear();
    new_run_ = false;
    if (!farm_runs_) farms_.emplace_back(ranks_);
    farm_runs_ = true;
    farms_.back().begin(worker, at);
}

void RunTimes::attempt_ended(std::uint64_t worker, double at) {
    if (farm_runs_) farms_.back().end(worker, at);
}

void RunTimes::farm_ended(double seconds, double tail_seconds) {
    if (!farm_runs_) return;
    farms_.back().tail_begins(seconds - tail_seconds);
    farms_.back().farm_ends(seconds);
    farm_runs_ = false;
}

void RunTimes::stage_ended(const std::string& stage) {
    if (new_run_) return;
    for (FarmTimes& farm : farms_) {
        if (farm.stage.empty()) farm.stage = stage;
    }
}

}  // namespace ratiofarm
