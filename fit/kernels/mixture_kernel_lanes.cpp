// The kernel of events without shapes. Compiled per instruction set; see core/lanes.hpp.

#include "core/lanes.hpp"

#include "guards.hpp"
#include "mixture_kernel.hpp"

namespace ratiofarm {
namespace {

constexpr int n_parts = static_cast<int>(n_lanes) / width;
constexpr std::size_t block_size = 256;

/// What a block of events needs before it can be summed.
struct Block {
    double value[block_size];      ///< L
    double gradient[block_size];   ///< w L'
    double curvature[block_size];  ///< -w L''
};

/// The continuation below the floor (Likelihood's documentation), for the few events there.
/// \return the number of events with weight that were below
double continue_below_floor(const MixturePoint& point,
                            const ShardColumns& events,
                            std::size_t first,
                            std::size_t n,
                            Block& block) {
    double count = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        double mixture = 0.0;
        double scale = 0.0;
        for (std::size_t j = 0; j < point.n_processes; ++j) {
            const double r = events.ratio[j][first + i];
            mixture = __builtin_fma(point.rates[j], r, mixture);
            scale = __builtin_fma(point.yields[j], r, scale);
        }
        scale *= relative_floor;
        const double floor = scale > smallest_floor ? scale : smallest_floor;
        if (mixture >= floor) continue;
        const double w = events.weight[first + i];
        const Continuation<double> below(mixture / floor - 1.0, w);
        const double q = below.q();
        block.value[i] += below.value() / q;  // it holds ln(floor)
        block.gradient[i] = w * (below.gradient() / (q * q) / floor);
        block.curvature[i] = w * (below.curvature() / (q * q * q) / floor / floor);
        if (w != 0.0) count += 1.0;
    }
    return count;
}

/// Fills the block. \return as continue_below_floor()
double prepare_block(const MixturePoint& point,
                     const ShardColumns& events,
                     std::size_t first,
                     std::size_t n,
                     Block& block) {
    DoubleBits below{};
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
        below |= reinterpret_cast<DoubleBits>(mixture < floor);
        const Doubles safe = mixture < floor ? floor : mixture;
        const Doubles inverse = 1.0 / safe;
        const Doubles gradient = load(events.weight + first + i) * inverse;
        store(block.value + i, log(safe));
        store(block.gradient + i, gradient);
        store(block.curvature + i, gradient * inverse);
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
template <int N>
void add_block(const ShardColumns& events,
               std::size_t first,
               std::size_t n,
               const Block& block,
               double* sums) {
    Lanes value;
    Lanes gradient[N];
    Lanes curvature[N * (N + 1) / 2];
    for (std::size_t i = 0; i < n; i += n_lanes) {
        for (int p = 0; p < n_parts; ++p) {
            const std::size_t at = i + static_cast<std::size_t>(p * width);
            const Doubles w = load(events.weight + first + at);
            value.part[p] = fma(w, load(block.value + at), value.part[p]);
            const Doubles ws = load(block.gradient + at);
            const Doubles wb = load(block.curvature + at);
            Doubles r[N];
            for (int j = 0; j < N; ++j) {
                r[j] = load(events.ratio[j] + first + at);
                gradient[j].part[p] = fma(ws, r[j], gradient[j].part[p]);
                const Doubles wbr = wb * r[j];
                for (int k = 0; k <= j; ++k) {
                    Doubles& sum = curvature[j * (j + 1) / 2 + k].part[p];
                    sum = fma(wbr, r[k], sum);
                }
            }
        }
    }
    sums[0] += value.sum();
    for (int j = 0; j < N; ++j) sums[2 + j] += gradient[j].sum();
    for (int jk = 0; jk < N * (N + 1) / 2; ++jk) sums[2 + N + jk] += curvature[jk].sum();
}

/// Like add_block(), for any number of processes, one quantity at a time.
void add_block_any(const ShardColumns& events,
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
    double* curvature = sums + 2 + n_processes;
    for (std::size_t j = 0; j < n_processes; ++j) {
        const double* rj = events.ratio[j] + first;
        sums[2 + j] += sum_of([&](std::size_t i, Doubles sum) {
            return fma(load(block.gradient + i), load(rj + i), sum);
        });
        for (std::size_t k = 0; k <= j; ++k) {
            const double* rk = events.ratio[k] + first;
            *curvature++ += sum_of([&](std::size_t i, Doubles sum) {
                return fma(load(block.curvature + i) * load(rj + i), load(rk + i), sum);
            });
        }
    }
}

void sum_shard(const MixturePoint& point, const ShardColumns& events, double* sums) {
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

namespace RATIOFARM_INSTRUCTIONS {

ShardKernel mixture_kernel() { return sum_shard; }

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm
