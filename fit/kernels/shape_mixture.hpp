#pragma once

// The logarithm of the mixture of each event of a block, and its derivatives. Compiled per
// instruction set; see core/lanes.hpp.

#include "guards.hpp"
#include "shape_lanes.hpp"

namespace ratiofarm {
namespace {

/// What a block of events knows of its mixture. Derivatives are relative to the power of the
/// mixture, so that nothing overflows: L' = gradient / D, L'' = -curvature / D^2, with D held at
/// the floor.
struct MixtureBlock {
    alignas(64) double inverse[shape_block];    ///< 1 / D
    alignas(64) double value[shape_block];      ///< L
    alignas(64) double gradient[shape_block];   ///< w L' D
    alignas(64) double curvature[shape_block];  ///< -w L'' D^2
};

/// The continuation below the floor (Likelihood's documentation) of one event.
inline void continue_below_floor(double t, double w, std::size_t i, MixtureBlock& block) {
    const Continuation<double> below(t, w);
    const double q = below.q();
    block.value[i] += below.value() / q;  // it holds ln(floor)
    block.gradient[i] = w * (below.gradient() / (q * q));
    block.curvature[i] = w * (below.curvature() / (q * q * q));
}

/// Mixtures of a block, ratios evaluated. Adds to value and below_floor.
template <class Real>
void mix(const ShapePlan& plan,
         const ShapePoint<Real>& point,
         const ShapeBlock& block,
         const ShapeWork<Real>& work,
         MixtureBlock& mixtures) {
    for (std::size_t i = 0; i < shape_block; i += width) {
        Doubles mixture{};
        Doubles scale{};
        for (std::size_t j = 0; j < plan.n_processes; ++j) {
            const Doubles ratio = load(work.ratio + j * shape_block + i);
            const Doubles nominal = load(block.ratio + j * block.ratio_stride + i);
            mixture = fma(all(point.rates[j]), ratio, mixture);
            scale = fma(all(plan.yields[j]), nominal, scale);
        }
        const Doubles floor = greater(scale * relative_floor, all(smallest_floor));
        const Doubles safe = mixture < floor ? floor : mixture;
        const Doubles w = load(block.weight + i);
        store(mixtures.inverse + i, 1.0 / safe);
        store(mixtures.value + i, log(safe));
        store(mixtures.gradient + i, w);
        store(mixtures.curvature + i, w);
        for (int l = 0; l < width; ++l) {
            if (!(mixture[l] < floor[l])) continue;
            const std::size_t event = i + static_cast<std::size_t>(l);
            continue_below_floor(mixture[l] / floor[l] - 1.0, w[l], event, mixtures);
            if (w[l] != 0.0) work.below_floor[0] += 1.0;
        }
        double* lanes = work.value + i % shape_lanes;
        store(lanes, fma(w, load(mixtures.value + i), load(lanes)));
    }
}

}  // namespace
}  // namespace ratiofarm
