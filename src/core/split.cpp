#include "ratiofarm/core/split.hpp"

#include "ratiofarm/core/philox.hpp"

namespace ratiofarm {

SplitPart split_part(std::uint64_t event_id, const Split& split) noexcept {
    // A constant key: the part of an event is the same in every campaign with these fractions.
    const auto words = philox(0x73706c6974ULL, 0, event_id);
    const double position = uniform01(words[0], words[1]);
    if (position < split.train) return SplitPart::train;
    if (position < split.train + split.validation) return SplitPart::validation;
    // Fractions that add up to one but for rounding leave no event unused.
    const double end = split.train + split.validation + split.inference;
    return position < end || end > 1.0 - 1e-9 ? SplitPart::inference : SplitPart::unused;
}

}  // namespace ratiofarm
