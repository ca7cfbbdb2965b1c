#pragma once

#include <cstdint>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What an event is used for. All variations of one generated event share its id and therefore
/// its part: no event that trained a net enters the likelihood through that net.
enum class SplitPart : std::uint8_t { train, validation, inference, unused };

/// Fractions of the events by hash of their id; each in [0, 1], sum at most 1. With folds, every
/// event is for inference, by the nets of its own fold, which are trained on the other folds'
/// events; train and validation then share those in their proportion.
struct Split {
    double train = 0.5;
    double validation = 0.1;
    double inference = 0.4;
    std::uint32_t folds = 0;  ///< 0: none; otherwise at least 2
    bool operator==(const Split&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Split>& value) {
    constexpr NumberLimits fraction{.low = 0.0, .high = 1.0, .low_allowed = false};
    visit("train", value.train, Key{.number = fraction});
    visit("validation", value.validation, Key{.number = fraction});
    visit("inference", value.inference, Key{.number = fraction, .written = value.folds == 0});
    visit("folds", value.folds,
          Key{.whole = {2, 100}, .otherwise = "none", .written = value.folds > 0});
}

/// Part of an event: a pure function of its id and the fractions, the same in every campaign. With
/// folds: what it is to the likelihood, always inference.
SplitPart split_part(std::uint64_t event_id, const Split& split) noexcept;

/// Fold of an event, independent of its place within the fractions. \param folds >= 1
std::uint32_t fold_of(std::uint64_t event_id, std::uint32_t folds) noexcept;

/// Half of the events that an event is in, 1 or 2: independent of part and fold, and the same in
/// every campaign.
std::uint32_t half_of(std::uint64_t event_id) noexcept;

/// Part of an event for the nets of a fold; without folds as split_part().
SplitPart part_for_nets(std::uint64_t event_id, const Split& split, std::uint32_t fold) noexcept;

}  // namespace ratiofarm
