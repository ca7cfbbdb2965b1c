#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

namespace ratiofarm {

/// Reduces the logits of an ensemble's members, event by event, as they come: memory does not grow
/// with the number of members. In double precision, in the order of the members.
class MemberCombination {
public:
    MemberCombination(Combine combine, std::uint64_t events);

    /// The logits of the current member for events [first, first + logits.size()).
    void add(std::uint64_t first, std::span<const float> logits);

    /// All events of the current member were added.
    void next_member() { ++members_; }

    /// mean_log_ratio: mean of the logits; mean_ratio: log of the mean of exp(logit), without
    /// overflow. Spread: sample standard deviation of the logits, 0 for one member.
    RatioBlock finish() const;

private:
    Combine combine_;
    std::uint64_t members_ = 0;      ///< complete ones
    std::vector<double> mean_;       ///< Welford's running mean
    std::vector<double> deviation_;  ///< and sum of squared deviations
    std::vector<double> largest_;    ///< mean_ratio only: largest logit so far
    std::vector<double> sum_;        ///< mean_ratio only: sum of exp(logit - largest)
};

}  // namespace ratiofarm
