#include "successive_halving.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// Ends a simulation whose next decision needs a result that is not there.
struct Wait {};

class VirtualFarm {
public:
    VirtualFarm(const HalvingPlan& plan, const TrialScore& score, const TrialBegin& begin)
        : plan_(plan), score_(score), begin_(begin), rungs_(plan.rungs), idle_(plan.parallel) {}

    /// \return whether all decisions could be made
    bool run() {
        try {
            employ();
            while (!running_.empty()) {
                const auto [time, index] = running_.top();
                running_.pop();
                now_ = time;
                end(decisions_[index].what);
                employ();
            }
            return true;
        } catch (const Wait&) {
            return false;
        }
    }

    const std::vector<HalvingDecision>& decisions() const { return decisions_; }

    /// Trials whose result of a rung was there in virtual time, when it stopped.
    const std::vector<std::uint32_t>& ended(std::uint32_t rung) const { return rungs_[rung].ended; }

private:
    struct Rung {
        std::vector<std::uint32_t> ended;
        std::size_t ranked = 0;  ///< of `ended`, those whose value was looked at
        std::vector<std::pair<double, std::uint32_t>> ranking;
        std::set<std::uint32_t> promoted;
    };

    void end(TrialRung what) {
        rungs_[what.rung].ended.push_back(what.trial);
        rungs_ended_[what.trial] = what.rung + 1;
        ++idle_;
    }

    void employ() {
        while (idle_ > 0) {
            const auto job = next_job();
            if (!job) return;
            --idle_;
            const double cost = plan_.cost_of(job->trial, job->rung);
            const double last = now_ + cost;
            cost_ += cost;
            running_.emplace(last, decisions_.size());
            decisions_.push_back({*job, now_, last});
        }
    }

    std::optional<TrialRung> next_job() {
        for (std::uint32_t rung = plan_.rungs - 1; rung-- > 0;) {
            const auto trial = promotable(rung);
            if (!trial) continue;
            rungs_[rung].promoted.insert(*trial);
            return TrialRung{*trial, rung + 1};
        }
        return may_begin() ? std::optional(TrialRung{begun_++, 0}) : std::nullopt;
    }

    bool may_begin() {
        if (over_ || begun_ == plan_.trials) return false;
        const Beginning when = begin_ ? begin_({begun_, cost_, rungs_ended_}) : Beginning::now;
        if (when == Beginning::later) throw Wait{};
        if (when == Beginning::after_another) {
            RATIOFARM_EXPECT(!running_.empty());
            return false;
        }
        over_ = when == Beginning::never;
        if (!over_) rungs_ended_.push_back(0);
        return !over_;
    }

    /// Values are looked at only if there is anything to choose.
    std::optional<std::uint32_t> promotable(std::uint32_t rung) {
        Rung& here = rungs_[rung];
        const std::size_t quota = here.ended.size() / plan_.reduction;
        if (quota == 0) return std::nullopt;
        for (; here.ranked < here.ended.size(); ++here.ranked) {
            const std::uint32_t trial = here.ended[here.ranked];
            const auto value = score_({trial, rung});
            if (!value) throw Wait{};
            const std::pair entry(*value, trial);
            here.ranking.insert(std::ranges::upper_bound(here.ranking, entry), entry);
        }
        for (std::size_t place = 0; place < quota; ++place) {
            const auto [value, trial] = here.ranking[place];
            if (std::isfinite(value) && !here.promoted.contains(trial)) return trial;
        }
        return std::nullopt;
    }

    using Ending = std::pair<double, std::size_t>;  ///< time, index of the decision

    const HalvingPlan& plan_;
    const TrialScore& score_;
    const TrialBegin& begin_;
    std::vector<Rung> rungs_;
    std::vector<std::uint32_t> rungs_ended_;  ///< by trial
    std::vector<HalvingDecision> decisions_;
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> running_;
    std::uint32_t begun_ = 0;
    bool over_ = false;  ///< no trial begins any more
    std::uint32_t idle_;
    double now_ = 0.0;
    double cost_ = 0.0;
};

/// Which states later decisions may need. A rank is that among the trials which have ended a rung
/// by the clock of the virtual workers: it can only become worse. Results that are there before
/// their virtual time say nothing about it.
class Keeping {
public:
    Keeping(const HalvingPlan& plan, const TrialScore& score, const VirtualFarm& farm)
        : plan_(plan), score_(score), farm_(farm) {
        for (const HalvingDecision& decision : farm.decisions()) decided_.insert(decision.what);
    }

    std::vector<TrialRung> states() const {
        std::vector<TrialRung> keep;
        std::set<std::uint32_t> alive;
        for (std::uint32_t trial = 0; trial < plan_.trials; ++trial) alive.insert(trial);
        for (std::uint32_t rung = 0; rung + 1 < plan_.rungs; ++rung) {
            alive = may_go_on(alive, rung);
            for (const std::uint32_t trial : alive) {
                const TrialRung after{trial, rung + 1};
                const bool over = decided_.contains(after) && score_(after);
                if (!over && value_of({trial, rung})) keep.push_back({trial, rung});
            }
        }
        return keep;
    }

private:
    std::optional<double> value_of(TrialRung what) const {
        return decided_.contains(what) ? score_(what) : std::nullopt;
    }

    /// Those of the trials that may get to `rung` which may also get to the next one.
    std::set<std::uint32_t> may_go_on(const std::set<std::uint32_t>& alive,
                                      std::uint32_t rung) const {
        std::set<std::uint32_t> next = alive;
        std::vector<std::pair<double, std::uint32_t>> ranking;
        for (const std::uint32_t trial : farm_.ended(rung)) {
            const auto value = score_({trial, rung});
            if (value) ranking.emplace_back(*value, trial);
        }
        std::sort(ranking.begin(), ranking.end());
        const std::size_t quota = alive.size() / plan_.reduction;
        for (std::size_t place = 0; place < ranking.size(); ++place) {
            const auto [value, trial] = ranking[place];
            const bool there = decided_.contains({trial, rung + 1});
            if (!there && (place >= quota || !std::isfinite(value))) next.erase(trial);
        }
        return next;
    }

    const HalvingPlan& plan_;
    const TrialScore& score_;
    const VirtualFarm& farm_;
    std::set<TrialRung> decided_;
};

}  // namespace

HalvingState successive_halving(const HalvingPlan& plan,
                                const TrialScore& score,
                                const TrialBegin& begin) {
    RATIOFARM_EXPECT(plan.rungs > 0 && plan.reduction > 1 && plan.parallel > 0);
    RATIOFARM_EXPECT(begin || plan.cost.size() == std::size_t{plan.trials} * plan.rungs);
    VirtualFarm farm(plan, score, begin);
    const bool decided_all = farm.run();
    HalvingState state;
    state.decisions = farm.decisions();
    for (const HalvingDecision& decision : state.decisions) {
        state.cost += plan.cost_of(decision.what.trial, decision.what.rung);
        if (!score(decision.what)) state.to_do.push_back(decision.what);
    }
    state.complete = decided_all && state.to_do.empty();
    if (!state.complete) state.to_keep = Keeping(plan, score, farm).states();
    return state;
}

std::optional<TrialRung> best_trial(const HalvingState& state, const TrialScore& score) {
    RATIOFARM_EXPECT(state.complete);
    std::optional<TrialRung> best;
    double least = 0.0;
    for (const HalvingDecision& decision : state.decisions) {
        const TrialRung what = decision.what;
        const double value = *score(what);
        if (!std::isfinite(value)) continue;
        const bool higher = !best || what.rung > best->rung;
        const bool better = best && what.rung == best->rung &&
                            std::pair(value, what.trial) < std::pair(least, best->trial);
        if (!higher && !better) continue;
        best = what;
        least = value;
    }
    return best;
}

}  // namespace ratiofarm
