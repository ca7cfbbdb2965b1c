#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// Events are padded to whole groups of lanes; lane l of every group goes to partial sum l.
inline constexpr std::size_t n_lanes = 8;

/// The mixture at one point: D_i = sum_j rate_j r_ij.
struct MixturePoint {
    std::size_t n_processes = 0;
    const double* rates = nullptr;   ///< [n_processes], c_j = f_j nu_j
    const double* yields = nullptr;  ///< [n_processes], nu_j: the scale of the floor
};

/// One shard of events in columns.
template <class Ratio>
struct ShardColumns {
    std::size_t n_events = 0;             ///< a multiple of n_lanes
    const double* weight = nullptr;       ///< [n_events], 0 where padded
    const Ratio* const* ratio = nullptr;  ///< [processes][n_events]
};

/// Sums over a shard, with L(D) = ln D or its continuation: in this order
///   sum w L | number of events below their floor | sum w L' r_j [P] |
///   sum -w L'' r_j r_k [P (P + 1) / 2], k <= j
inline std::size_t n_sums(std::size_t n_processes) {
    return 2 + n_processes + n_processes * (n_processes + 1) / 2;
}

/// Overwrites sums [n_sums(P)] with those of a shard. Any instruction set gives the same bits.
template <class Ratio>
using ShardKernel = void (*)(const MixturePoint&, const ShardColumns<Ratio>&, double* sums);

struct ShardKernels {
    ShardKernel<double> fp64 = nullptr;
    ShardKernel<float> fp32 = nullptr;
};

/// What this machine can run, at most the instructions asked for.
ShardKernels choose_kernels(InstructionSet wanted);

ShardKernels portable_kernels();
ShardKernels avx2_kernels();
ShardKernels avx512_kernels();

}  // namespace ratiofarm
