#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm::trainer {

/// Reduces the logits of an ensemble's members, event by event, as they come: memory does not grow
/// with the number of members. In double precision, in the order of the members.
class MemberCombination {
public:
    MemberCombination(Combine combine, std::uint64_t events);

    /// The logits of one member for events [first, first + logits.size()). Every event gets those
    /// of each member once. \param before  members that these events already have
    void add(std::uint64_t before, std::uint64_t first, std::span<const float> logits);

    /// mean_log_ratio: mean of the logits; mean_ratio: log of the mean of exp(logit), without
    /// overflow. \param members  that every event has, at least one
    std::vector<float> log_ratio(std::uint64_t members) const;

    /// Sample standard deviation of the logits, 0 for one member.
    std::vector<float> spread(std::uint64_t members) const;

private:
    void add_ratios(std::uint64_t first, std::span<const float> logits);

    Combine combine_;
    std::vector<double> mean_;       ///< Welford's running mean
    std::vector<double> deviation_;  ///< and sum of squared deviations
    std::vector<double> largest_;    ///< mean_ratio only: largest logit so far
    std::vector<double> sum_;        ///< mean_ratio only: sum of exp(logit - largest)
};

}  // namespace ratiofarm::trainer
