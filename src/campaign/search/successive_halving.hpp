#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

/// Asynchronous successive halving (ASHA, arXiv:1810.05934) as a pure function of results.
///
/// Its decisions depend on the order in which results come. Here that order is not the one of the
/// real farm but that of `parallel` virtual workers whose clock is the planned cost: whenever a
/// virtual worker is free it continues the best trial that may be promoted, highest rung first, or
/// begins the next one. So decisions are the same on any number of ranks and after any
/// interruption; a decision that needs a result that is not there yet waits for it.
namespace ratiofarm {

struct HalvingPlan {
    std::uint32_t trials = 0;
    std::uint32_t rungs = 1;
    std::uint32_t reduction = 3;
    std::uint32_t parallel = 1;  ///< virtual workers
    /// [trials, rungs] of a rung beyond the one before; > 0. Of trials that may begin: it can grow
    /// while they do.
    std::vector<double> cost;

    double cost_of(std::uint32_t trial, std::uint32_t rung) const {
        return cost[trial * rungs + rung];
    }
};

/// A trial up to the end of a rung.
struct TrialRung {
    std::uint32_t trial = 0;
    std::uint32_t rung = 0;
    auto operator<=>(const TrialRung&) const = default;
};

/// A virtual worker takes a trial.
struct HalvingDecision {
    TrialRung what;
    double begin = 0.0;  ///< virtual time
    double end = 0.0;
    bool operator==(const HalvingDecision&) const = default;
};

/// What the existing results determine.
struct HalvingState {
    std::vector<HalvingDecision> decisions;  ///< in the order in which they were made
    std::vector<TrialRung> to_do;            ///< decided, without a result
    /// With a result that a later decision may continue from. States of all others can go.
    std::vector<TrialRung> to_keep;
    bool complete = false;  ///< no decision is left, and every result exists
    double cost = 0.0;      ///< of all that was decided
};

/// Result of a trial at a rung: small is good, infinite is a failure, nothing: not there yet.
using TrialScore = std::function<std::optional<double>(TrialRung)>;

/// What is known in virtual time when a trial may begin.
struct HalvingMoment {
    std::uint32_t trial = 0;                     ///< the next one
    double cost = 0.0;                           ///< of all that was decided
    std::span<const std::uint32_t> rungs_ended;  ///< of each trial before
};

enum class Beginning : std::uint8_t {
    now,
    later,          ///< something that decides it is not there yet
    after_another,  ///< not before another trial has ended in virtual time
    never,          ///< no trial begins any more
};

/// Asked before a trial begins. Its answer is a pure function of the moment and of the scores of
/// rungs that have ended; `now` means that the plan has its costs.
using TrialBegin = std::function<Beginning(const HalvingMoment&)>;

/// A trial is promoted if it is among the best floor(n / reduction) of the n trials that have ended
/// a rung, earlier trials first where they are equal. Failures are never promoted.
/// More results only add decisions. \pre scores are not NaN
HalvingState successive_halving(const HalvingPlan& plan,
                                const TrialScore& score,
                                const TrialBegin& begin = {});

/// The best trial of the highest rung that has any without failure; nothing if all failed.
/// \pre state.complete
std::optional<TrialRung> best_trial(const HalvingState& state, const TrialScore& score);

}  // namespace ratiofarm
