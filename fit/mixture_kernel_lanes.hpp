// The kernel, written once over vectors of RATIOFARM_LANE_WIDTH doubles and compiled once per
// instruction set, each time into its own unnamed namespace. Only whole operations on lanes, every
// fused multiply-add spelled out: the bits are those of the scalar program run lane by lane.
// No include guard and no library calls on purpose.

#include "mixture_kernel.hpp"

#if RATIOFARM_LANE_WIDTH > 2
#include <immintrin.h>
#endif

namespace ratiofarm {
namespace {

constexpr int width = RATIOFARM_LANE_WIDTH;
constexpr int n_parts = static_cast<int>(n_lanes) / width;
constexpr std::size_t block_size = 256;

using Doubles = double __attribute__((vector_size(8 * width)));
using Words = unsigned long long __attribute__((vector_size(8 * width)));
using UnalignedDoubles = double __attribute__((vector_size(8 * width), aligned(8), may_alias));
using UnalignedFloats = float __attribute__((vector_size(4 * width), aligned(4), may_alias));

inline Doubles load(const double* from) { return *reinterpret_cast<const UnalignedDoubles*>(from); }
inline Doubles load(const float* from) {
    return __builtin_convertvector(*reinterpret_cast<const UnalignedFloats*>(from), Doubles);
}
inline void store(double* to, Doubles value) { *reinterpret_cast<UnalignedDoubles*>(to) = value; }

inline Doubles fma(Doubles a, Doubles b, Doubles c) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_fmadd_pd(a, b, c);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_fmadd_pd(a, b, c);
#else
    Doubles result = c;
    for (int l = 0; l < width; ++l) result[l] = __builtin_fma(a[l], b[l], c[l]);
    return result;
#endif
}

inline Doubles all(double value) { return Doubles{} + value; }

/// ln x for normal x > 0, to about one unit in the last place. The reduction and polynomial of
/// fdlibm's e_log.c (Sun Microsystems, freely distributable).
inline Doubles log(Doubles x) {
    constexpr unsigned long long shift = 0x3ff0000000000000ULL - 0x3fe6a09e00000000ULL;
    const Words bits = reinterpret_cast<Words>(x) + shift;
    // An integer below 2^52 becomes a double by way of the exponent of 2^52.
    const Words exponent_bits = (bits >> 52) | 0x4330000000000000ULL;
    const Doubles k = reinterpret_cast<Doubles>(exponent_bits) - (4503599627370496.0 + 1023.0);
    const Words mantissa = (bits & 0x000fffffffffffffULL) + 0x3fe6a09e00000000ULL;
    const Doubles f = reinterpret_cast<Doubles>(mantissa) - 1.0;  // x = 2^k (1 + f)

    const Doubles s = f / (f + 2.0);
    const Doubles z = s * s;
    Doubles r = fma(z, all(1.479819860511658591e-01), all(1.531383769920937332e-01));
    r = fma(z, r, all(1.818357216161805012e-01));
    r = fma(z, r, all(2.222219843214978396e-01));
    r = fma(z, r, all(2.857142874366239149e-01));
    r = fma(z, r, all(3.999999999940941908e-01));
    r = fma(z, r, all(6.666666666666735130e-01));
    r = r * z;
    const Doubles half_square = f * f * 0.5;
    const Doubles low = fma(s, half_square + r, k * 1.90821492927058770002e-10);
    return fma(k, all(6.93147180369123816490e-01), f - (half_square - low));
}

/// What a block of events needs before it can be summed.
struct Block {
    double value[block_size];  ///< L
    double slope[block_size];  ///< w L'
    double bend[block_size];   ///< -w L''
};

constexpr double relative_floor = 1e-6;
constexpr double smallest_floor = 1e-150;  // its square is still a normal number

/// The continuation below the floor (Likelihood's documentation), for the few events there.
/// \return the number of events with weight that were below
template <class Ratio>
double continue_below_floor(const MixturePoint& point,
                            const ShardColumns<Ratio>& events,
                            std::size_t first,
                            std::size_t n,
                            Block& block) {
    double count = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        double mixture = 0.0;
        double scale = 0.0;
        for (std::size_t j = 0; j < point.n_processes; ++j) {
            const auto r = static_cast<double>(events.ratio[j][first + i]);
            mixture = __builtin_fma(point.rates[j], r, mixture);
            scale = __builtin_fma(point.yields[j], r, scale);
        }
        scale *= relative_floor;
        const double floor = scale > smallest_floor ? scale : smallest_floor;
        if (mixture >= floor) continue;
        const double w = events.weight[first + i];
        const double t = mixture / floor - 1.0;
        const double q = w < 0.0 ? 1.0 + t * t : 1.0;
        const double slope = w < 0.0 ? 1.0 - t - t * t : 1.0 - t;
        const double bend = w < 0.0 ? 1.0 + 6.0 * t - 3.0 * t * t - 2.0 * t * t * t : 1.0;
        block.value[i] += (t - 0.5 * t * t) / q;  // it holds ln(floor)
        block.slope[i] = w * (slope / (q * q) / floor);
        block.bend[i] = w * (bend / (q * q * q) / floor / floor);
        if (w != 0.0) count += 1.0;
    }
    return count;
}

/// Fills the block. \return as continue_below_floor()
template <class Ratio>
double prepare_block(const MixturePoint& point,
                     const ShardColumns<Ratio>& events,
                     std::size_t first,
                     std::size_t n,
                     Block& block) {
    Words below{};
    for (std::size_t i = 0; i < n; i += width) {
        Doubles mixture{};
        Doubles scale{};
        for (std::size_t j = 0; j < point.n_processes; ++j) {
            const Doubles r = load(events.ratio[j] + first + i);
            mixture = fma(all(point.rates[j]), r, mixture);
            scale = fma(all(point.yields[j]), r, scale);
        }
        scale = scale * relative_floor;
        const Doubles floor = scale > smallest_floor ? scale : all(smallest_floor);
        below |= reinterpret_cast<Words>(mixture < floor);
        const Doubles safe = mixture < floor ? floor : mixture;
        const Doubles inverse = 1.0 / safe;
        const Doubles slope = load(events.weight + first + i) * inverse;
        store(block.value + i, log(safe));
        store(block.slope + i, slope);
        store(block.bend + i, slope * inverse);
    }
    unsigned long long any = 0;
    for (int l = 0; l < width; ++l) any |= below[l];
    return any != 0 ? continue_below_floor(point, events, first, n, block) : 0.0;
}

/// The partial sums of all lanes of one quantity.
struct Lanes {
    Doubles part[n_parts] = {};

    double sum() const {
        double lane[n_lanes];
        for (int p = 0; p < n_parts; ++p) store(lane + p * width, part[p]);
        return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
               ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
};

/// Adds the sums of a prepared block. N is the number of processes where it is known when
/// compiling, so that all partial sums stay in registers.
template <int N, class Ratio>
void add_block(const ShardColumns<Ratio>& events,
               std::size_t first,
               std::size_t n,
               const Block& block,
               double* sums) {
    Lanes value;
    Lanes slope[N];
    Lanes bend[N * (N + 1) / 2];
    for (std::size_t i = 0; i < n; i += n_lanes) {
        for (int p = 0; p < n_parts; ++p) {
            const std::size_t at = i + static_cast<std::size_t>(p * width);
            const Doubles w = load(events.weight + first + at);
            value.part[p] = fma(w, load(block.value + at), value.part[p]);
            const Doubles ws = load(block.slope + at);
            const Doubles wb = load(block.bend + at);
            Doubles r[N];
            for (int j = 0; j < N; ++j) {
                r[j] = load(events.ratio[j] + first + at);
                slope[j].part[p] = fma(ws, r[j], slope[j].part[p]);
                const Doubles wbr = wb * r[j];
                for (int k = 0; k <= j; ++k) {
                    Doubles& sum = bend[j * (j + 1) / 2 + k].part[p];
                    sum = fma(wbr, r[k], sum);
                }
            }
        }
    }
    sums[0] += value.sum();
    for (int j = 0; j < N; ++j) sums[2 + j] += slope[j].sum();
    for (int jk = 0; jk < N * (N + 1) / 2; ++jk) sums[2 + N + jk] += bend[jk].sum();
}

/// The same for any number of processes, one quantity at a time.
template <class Ratio>
void add_block_any(const ShardColumns<Ratio>& events,
                   std::size_t first,
                   std::size_t n,
                   const Block& block,
                   std::size_t n_processes,
                   double* sums) {
    const auto sum_of = [n](auto&& term) {
        Lanes sum;
        for (std::size_t i = 0; i < n; i += n_lanes) {
            for (int p = 0; p < n_parts; ++p) {
                sum.part[p] = term(i + static_cast<std::size_t>(p * width), sum.part[p]);
            }
        }
        return sum.sum();
    };
    sums[0] += sum_of([&](std::size_t i, Doubles sum) {
        return fma(load(events.weight + first + i), load(block.value + i), sum);
    });
    double* bend = sums + 2 + n_processes;
    for (std::size_t j = 0; j < n_processes; ++j) {
        const Ratio* rj = events.ratio[j] + first;
        sums[2 + j] += sum_of([&](std::size_t i, Doubles sum) {
            return fma(load(block.slope + i), load(rj + i), sum);
        });
        for (std::size_t k = 0; k <= j; ++k) {
            const Ratio* rk = events.ratio[k] + first;
            *bend++ += sum_of([&](std::size_t i, Doubles sum) {
                return fma(load(block.bend + i) * load(rj + i), load(rk + i), sum);
            });
        }
    }
}

template <class Ratio>
void sum_shard(const MixturePoint& point, const ShardColumns<Ratio>& events, double* sums) {
    const std::size_t n_processes = point.n_processes;
    for (std::size_t k = 0; k < n_sums(n_processes); ++k) sums[k] = 0.0;
    Block block;
    for (std::size_t first = 0; first < events.n_events; first += block_size) {
        const std::size_t rest = events.n_events - first;
        const std::size_t n = rest < block_size ? rest : block_size;
        sums[1] += prepare_block(point, events, first, n, block);
        switch (n_processes) {
            case 1: add_block<1>(events, first, n, block, sums); break;
            case 2: add_block<2>(events, first, n, block, sums); break;
            case 3: add_block<3>(events, first, n, block, sums); break;
            case 4: add_block<4>(events, first, n, block, sums); break;
            default: add_block_any(events, first, n, block, n_processes, sums);
        }
    }
}

}  // namespace
}  // namespace ratiofarm
