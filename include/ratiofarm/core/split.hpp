#pragma once

#include <cstdint>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What an event is used for. All variations of one generated event share its id and therefore
/// its part: no event that trained a net enters the likelihood through that net.
enum class SplitPart : std::uint8_t { train, validation, inference, unused };

/// Fractions of the events by hash of their id; each in [0, 1], sum at most 1.
struct Split {
    double train = 0.5;
    double validation = 0.1;
    double inference = 0.4;
    bool operator==(const Split&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Split>& value) {
    archive(value.train, value.validation, value.inference);
}

/// Part of an event: a pure function of its id and the fractions, the same in every campaign.
SplitPart split_part(std::uint64_t event_id, const Split& split) noexcept;

}  // namespace ratiofarm
