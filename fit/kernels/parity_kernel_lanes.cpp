// The kernel that compares up and down of a column while events are loaded. Compiled per
// instruction set; see core/lanes.hpp.

#include "core/lanes.hpp"

#include "guards.hpp"
#include "parity_kernel.hpp"

namespace ratiofarm {
namespace {

using ratiofarm::all;
using ratiofarm::load_wide;

using Units = std::uint32_t __attribute__((vector_size(4 * width)));
using SignedUnits = std::int32_t __attribute__((vector_size(4 * width)));
using LooseUnits = std::uint32_t __attribute__((vector_size(4 * width), aligned(4), may_alias));

constexpr std::size_t lanes = width;

Doubles clipped(const float* log_g) {
    const Doubles value = load_wide(log_g);
    const Doubles low = all(double{-largest_log_g});
    const Doubles high = all(double{largest_log_g});
    const Doubles above = value > low ? value : low;
    return above < high ? above : high;
}

/// (x / 2)^2 in units, below 2^28 since ln g is clipped.
Units units(Doubles x) {
    const Doubles square = all(0.25) * x * x * all(1.0 / ParitySums::unit);
    return reinterpret_cast<Units>(__builtin_convertvector(square, SignedUnits));
}

/// Of at most 16 vectors, so that 32 bits are enough.
void add_vectors(const float* up,
                 const float* down,
                 const std::uint32_t* mask,
                 std::size_t n,
                 ParitySums& sums) {
    Units even{};
    Units odd{};
    for (std::size_t i = 0; i < n; i += lanes) {
        const Doubles u = clipped(up + i);
        const Doubles d = clipped(down + i);
        const Units counts = *reinterpret_cast<const LooseUnits*>(mask + i);
        even += counts & units(u + d);
        odd += counts & units(u - d);
    }
    for (std::size_t l = 0; l < lanes; ++l) {
        sums.even += even[l];
        sums.odd += odd[l];
    }
}

ParitySums all_sums(const float* up, const float* down, const std::uint32_t* mask, std::size_t n) {
    constexpr std::size_t step = 16 * lanes;
    const std::size_t whole = n / lanes * lanes;
    ParitySums sums;
    for (std::size_t i = 0; i < whole; i += step) {
        const std::size_t size = whole - i < step ? whole - i : step;
        add_vectors(up + i, down + i, mask + i, size, sums);
    }
    float rest[2][lanes] = {};
    std::uint32_t rest_mask[lanes] = {};
    for (std::size_t k = 0; whole + k < n; ++k) {
        rest[0][k] = up[whole + k];
        rest[1][k] = down[whole + k];
        rest_mask[k] = mask[whole + k];
    }
    add_vectors(rest[0], rest[1], rest_mask, lanes, sums);
    return sums;
}

}  // namespace

namespace RATIOFARM_INSTRUCTIONS {

ParityKernel parity_kernel() { return all_sums; }

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm
