#pragma once

#include <cstddef>
#include <cstdint>

namespace ratiofarm {

enum class InstructionSet : std::uint8_t;

/// Events are padded to whole groups of lanes; lane l of every group goes to partial sum l.
inline constexpr std::size_t n_lanes = 8;

/// The mixture at one point: D_i = sum_j rate_j r_ij.
struct MixturePoint {
    std::size_t n_processes = 0;
    const double* rates = nullptr;   ///< [n_processes], c_j = f_j nu_j
    const double* yields = nullptr;  ///< [n_processes], nu_j: the scale of the floor
};

/// One shard of events in columns.
struct ShardColumns {
    std::size_t n_events = 0;              ///< a multiple of n_lanes
    const double* weight = nullptr;        ///< [n_events], 0 where padded
    const double* const* ratio = nullptr;  ///< [processes][n_events]
};

/// Sums over a shard, with L(D) = ln D or its continuation: in this order
///   sum w L | number of events below their floor | sum w L' r_j [P] |
///   sum -w L'' r_j r_k [P (P + 1) / 2], k <= j
inline std::size_t n_sums(std::size_t n_processes) {
    return 2 + n_processes + n_processes * (n_processes + 1) / 2;
}

/// Overwrites sums [n_sums(P)] with those of a shard. Any instruction set gives the same bits.
using ShardKernel = void (*)(const MixturePoint&, const ShardColumns&, double* sums);

/// What this machine can run, at most the instructions asked for.
ShardKernel choose_kernel(InstructionSet wanted);

namespace portable {
ShardKernel mixture_kernel();
}
namespace avx2 {
ShardKernel mixture_kernel();
}
namespace avx512 {
ShardKernel mixture_kernel();
}

}  // namespace ratiofarm
