#include "ratiofarm/protocol/split.hpp"

#include "core/philox.hpp"

namespace ratiofarm {

SplitPart split_part(std::uint64_t event_id, const Split& split) noexcept {
    if (split.folds > 0) return SplitPart::inference;
    // A constant key: the part of an event is the same in every campaign with these fractions.
    const auto words = philox(0x73706c6974ULL, 0, event_id);
    const double position = uniform01(words[0], words[1]);
    if (position < split.train) return SplitPart::train;
    if (position < split.train + split.validation) return SplitPart::validation;
    // Fractions that add up to one but for rounding leave no event unused.
    const double end = split.train + split.validation + split.inference;
    return position < end || end > 1.0 - 1e-9 ? SplitPart::inference : SplitPart::unused;
}

std::uint32_t fold_of(std::uint64_t event_id, std::uint32_t folds) noexcept {
    const auto words = philox(0x666f6c64ULL, 0, event_id);
    return static_cast<std::uint32_t>(uniform01(words[0], words[1]) * folds);
}

std::uint32_t half_of(std::uint64_t event_id) noexcept {
    const auto words = philox(0x68616c66ULL, 0, event_id);
    return uniform01(words[0], words[1]) < 0.5 ? 1 : 2;
}

SplitPart part_for_nets(std::uint64_t event_id, const Split& split, std::uint32_t fold) noexcept {
    if (split.folds == 0) return split_part(event_id, split);
    if (fold_of(event_id, split.folds) == fold) return SplitPart::inference;
    const double both = split.train + split.validation;
    const Split halves{
        .train = split.train / both, .validation = split.validation / both, .inference = 0.0};
    const SplitPart part = split_part(event_id, halves);
    return part == SplitPart::train ? part : SplitPart::validation;
}

}  // namespace ratiofarm
