#pragma once

#include <algorithm>
#include <cstdint>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

/// Half-open range of indices.
struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  ///< one past the end

    std::uint64_t size() const { return last - first; }
    bool empty() const { return first == last; }
    friend bool operator==(const Range&, const Range&) = default;
};

/// Part `index` of [0, n) cut into `parts` contiguous pieces whose sizes differ by at most one.
inline Range block_partition(std::uint64_t n, std::uint64_t parts, std::uint64_t index) {
    RATIOFARM_EXPECT(parts > 0 && index < parts);
    const std::uint64_t base = n / parts;
    const std::uint64_t extra = n % parts;
    const std::uint64_t first = index * base + std::min(index, extra);
    return {first, first + base + (index < extra ? 1 : 0)};
}

}  // namespace ratiofarm
