// The passes of StepKernel over vectors of floats; compiled per instruction set, see
// core/lanes.hpp.

#include <cstring>

#include "core/lanes.hpp"

#include "activation_lanes.hpp"
#include "step_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

using ratiofarm::load;
using ratiofarm::store;

constexpr std::size_t lanes = 2 * width;

using Halves = std::uint16_t __attribute__((vector_size(2 * lanes)));
using LooseHalves = std::uint16_t __attribute__((vector_size(2 * lanes), aligned(2), may_alias));

inline Floats load(const Bf16* from) {
    const Halves upper = *reinterpret_cast<const LooseHalves*>(from);
    return reinterpret_cast<Floats>(__builtin_convertvector(upper, FloatBits) << 16);
}
/// To the nearest bf16, ties to even. A NaN of an operation stays one.
inline void store(Bf16* to, Floats value) {
    const FloatBits bits = reinterpret_cast<FloatBits>(value);
    const FloatBits rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    *reinterpret_cast<LooseHalves*>(to) = __builtin_convertvector(rounded, Halves);
}

/// The first n < lanes elements; the others are 0.
template <class T>
inline Floats load(const T* from, std::size_t n) {
    T part[lanes] = {};
    std::memcpy(part, from, n * sizeof(T));
    return load(part);
}
template <class T>
inline void store(T* to, Floats value, std::size_t n) {
    T part[lanes];
    store(part, value);
    std::memcpy(to, part, n * sizeof(T));
}

#if RATIOFARM_LANE_WIDTH == 8
inline __mmask16 first_lanes(std::size_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
inline Floats load(const float* from, std::size_t n) {
    return _mm512_maskz_loadu_ps(first_lanes(n), from);
}
inline void store(float* to, Floats value, std::size_t n) {
    _mm512_mask_storeu_ps(to, first_lanes(n), value);
}
#elif RATIOFARM_LANE_WIDTH == 4
inline __m256i first_lanes(std::size_t n) {
    static constexpr std::int32_t chosen[2 * lanes] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(chosen + lanes - n));
}
inline Floats load(const float* from, std::size_t n) {
    return _mm256_maskload_ps(from, first_lanes(n));
}
inline void store(float* to, Floats value, std::size_t n) {
    _mm256_maskstore_ps(to, first_lanes(n), value);
}
#endif

/// work(first column, load, store) for the columns of a row, by vectors, the rest by a part of one.
template <class Work>
void for_columns(std::size_t n, const Work& work) {
    std::size_t column = 0;
    const auto whole_load = [](const auto* from) { return load(from); };
    const auto whole_store = [](auto* to, Floats value) { store(to, value); };
    for (; column + lanes <= n; column += lanes) work(column, whole_load, whole_store);
    const std::size_t rest = n - column;
    if (rest == 0) return;
    work(
        column, [rest](const auto* from) { return load(from, rest); },
        [rest](auto* to, Floats value) { store(to, value, rest); });
}

template <class F, bool keep_slope, class Z, class T>
void activate_rows(
    Extent extent, Block<Z> z, const float* bias, Block<const T> below, Block<T> result) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        Z* from = z.row(row);
        T* to = result.row(row);
        const T* add = below ? below.row(row) : nullptr;
        for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
            const Point point = F::at(get(from + c) + get(bias + c));
            if constexpr (keep_slope) put(from + c, point.slope);
            put(to + c, add == nullptr ? point.value : point.value + get(add + c));
        });
    }
}

template <bool keep_slope, class Z, class T>
void activate(Activation activation,
              Extent extent,
              Block<Z> z,
              const float* bias,
              Block<const T> below,
              Block<T> result) {
    switch (activation) {
        case Activation::relu:
            activate_rows<Relu, keep_slope>(extent, z, bias, below, result);
            return;
        case Activation::silu:
            activate_rows<Silu, keep_slope>(extent, z, bias, below, result);
            return;
        case Activation::tanh:
            activate_rows<Tanh, keep_slope>(extent, z, bias, below, result);
            return;
        case Activation::gelu: return;  // has_step_kernel() says no
    }
}

/// Products are added in 16 sums, whatever the width of a vector, and these in a fixed tree.
template <class T>
void logits(Extent extent, Block<const T> x, const float* weights, float bias, float* logits) {
    constexpr std::size_t sums = 16;
    for (std::size_t row = 0; row < extent.rows; ++row) {
        Floats total[sums / lanes] = {};
        const T* values = x.row(row);
        std::size_t done = 0;
        for (; done + sums <= extent.width; done += sums) {
            for (std::size_t v = 0; v < sums / lanes; ++v) {
                const std::size_t c = done + v * lanes;
                total[v] = fma(load(values + c), load(weights + c), total[v]);
            }
        }
        for_columns(extent.width - done, [&](std::size_t c, const auto& get, const auto&) {
            Floats& sum = total[c / lanes];
            sum = fma(get(values + done + c), get(weights + done + c), sum);
        });
        float tree[sums];
        std::memcpy(tree, total, sizeof tree);
        for (std::size_t half = sums / 2; half > 0; half /= 2) {
            for (std::size_t l = 0; l < half; ++l) tree[l] += tree[l + half];
        }
        logits[row] = tree[0] + bias;
    }
}

template <class T>
void delta(Extent extent,
           Block<const float> flow,
           Block<const float> derivative,
           Block<T> delta,
           float* bias_gradient) {
    constexpr std::size_t together = 8;  // rows for which a sum stays in its register
    for (std::size_t first = 0; first < extent.rows; first += together) {
        const std::size_t end = first + together < extent.rows ? first + together : extent.rows;
        for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
            Floats sum = get(bias_gradient + c);
            for (std::size_t row = first; row < end; ++row) {
                const Floats value = get(flow.row(row) + c) * get(derivative.row(row) + c);
                put(delta.row(row) + c, value);
                sum += value;
            }
            put(bias_gradient + c, sum);
        });
    }
}

template <class T>
void output_gradient(Extent extent,
                     Block<const T> x,
                     const float* logit_gradient,
                     float* weight_gradient) {
    for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
        Floats total = get(weight_gradient + c);
        for (std::size_t row = 0; row < extent.rows; ++row) {
            total = fma(all(logit_gradient[row]), get(x.row(row) + c), total);
        }
        put(weight_gradient + c, total);
    });
}

inline void output_flow(Extent extent,
                        const float* logit_gradient,
                        const float* weights,
                        Block<float> flow) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        const Floats factor = all(logit_gradient[row]);
        for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
            put(flow.row(row) + c, factor * get(weights + c));
        });
    }
}

template <class T>
void convert(Extent extent, Block<const float> from, Block<T> to) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
            put(to.row(row) + c, get(from.row(row) + c));
        });
    }
}

inline void adam(const AdamStep& step, std::size_t n) {
    const bool nesterov = step.gradient_rate != 0.0F;
    for_columns(n, [&](std::size_t i, const auto& get, const auto& put) {
        const Floats g = get(step.gradient + i) * step.gradient_factor;
        Floats m = get(step.first_moment + i);
        Floats v = get(step.second_moment + i);
        Floats p = get(step.parameters + i) * step.decay;
        m = fma(all(static_cast<float>(1.0 - adam_beta1)), g - m, m);
        v = fma(g * static_cast<float>(1.0 - adam_beta2), g, v * static_cast<float>(adam_beta2));
        const Floats d =
            fma(sqrt(v), all(step.second_correction), all(static_cast<float>(adam_epsilon)));
        Floats move = m * step.moment_rate;
        if (nesterov) move = fma(g, all(step.gradient_rate), move);
        p = p - move / d;
        put(step.first_moment + i, m);
        put(step.second_moment + i, v);
        put(step.parameters + i, p);
    });
}

/// load() puts the 16 bits of an element into the upper half.
inline void pair_rows(Extent extent, Block<const Bf16> from, Block<float> to) {
    for (std::size_t row = 0; row < extent.rows; row += 2) {
        const bool last = row + 1 == extent.rows;
        for_columns(extent.width, [&](std::size_t c, const auto& get, const auto& put) {
            const Floats second = last ? Floats{} : get(from.row(row + 1) + c);
            const FloatBits pair = (reinterpret_cast<FloatBits>(get(from.row(row) + c)) >> 16) |
                                   reinterpret_cast<FloatBits>(second);
            put(to.row(row / 2) + c, reinterpret_cast<Floats>(pair));
        });
    }
}

inline void gather(const RowGather& of) {
    constexpr std::size_t ahead = 16;  // rows of the table are far apart
    for (std::size_t place = 0; place < of.count; ++place) {
        if (of.rows != nullptr && place + ahead < of.count) {
            __builtin_prefetch(of.table + of.rows[place + ahead] * of.width);
        }
        const std::size_t row = of.rows == nullptr ? place : of.rows[place];
        const float* from = of.table + row * of.width;
        float* to = of.result + place * of.width;
        for_columns(of.width, [&](std::size_t c, const auto& get, const auto& put) {
            put(to + c, (get(from + c) - get(of.shift + c)) * get(of.scale + c));
        });
    }
}

/// Events that are worked on together, whatever the width of a vector.
constexpr std::size_t group = 16;

/// Logits and weights of a group, side by side; missing ones are 0.
struct EntropyGroup {
    float logit[group] = {};
    float positive[group] = {};
    float total[group] = {};
};

inline EntropyGroup entropy_group(const EntropyEvents& of, std::size_t first) {
    EntropyGroup found;
    const std::size_t n = of.count - first < group ? of.count - first : group;
    std::memcpy(found.logit, of.logits + first, n * sizeof(float));
    for (std::size_t e = 0; e < n; ++e) {
        found.positive[e] = of.positive[(first + e) * of.stride];
        found.total[e] = of.total[(first + e) * of.stride];
    }
    return found;
}

/// softplus(z) = max(z, 0) + ln(1 + e^-|z|), the logarithm and sums in double precision.
inline double entropy(const EntropyEvents& of) {
    constexpr std::size_t doubles = width;
    Doubles sums[group / doubles] = {};
    for (std::size_t first = 0; first < of.count; first += group) {
        const EntropyGroup events = entropy_group(of, first);
        float power[group];
        for (std::size_t e = 0; e < group; e += lanes) {
            const Floats z = load(events.logit + e);
            store(power + e, one_plus_power(z < 0.0F ? z : -z, log2_e, 87.0F) - 1.0F);
        }
        for (std::size_t v = 0; v < group / doubles; ++v) {
            const std::size_t e = v * doubles;
            const Doubles z = load_wide(events.logit + e);
            const Doubles softplus = greater(z, Doubles{}) + log(load_wide(power + e) + 1.0);
            const Doubles term =
                fma(load_wide(events.positive + e), -z, load_wide(events.total + e) * softplus);
            sums[v] += term;
        }
    }
    double tree[group];
    std::memcpy(tree, sums, sizeof tree);
    for (std::size_t half = group / 2; half > 0; half /= 2) {
        for (std::size_t e = 0; e < half; ++e) tree[e] += tree[e + half];
    }
    return tree[0];
}

inline void entropy_gradient(const EntropyEvents& of, float factor, float* gradient) {
    for (std::size_t first = 0; first < of.count; first += group) {
        const EntropyGroup events = entropy_group(of, first);
        float found[group];
        for (std::size_t e = 0; e < group; e += lanes) {
            const Floats s = sigmoid(load(events.logit + e));
            store(found + e, (s * load(events.total + e) - load(events.positive + e)) * factor);
        }
        const std::size_t n = of.count - first < group ? of.count - first : group;
        std::memcpy(gradient + first, found, n * sizeof(float));
    }
}

template <class T>
constexpr LayerKernel<T> layer_kernel() {
    return {.activate = activate<true, float, T>,
            .evaluate = activate<false, const float, T>,
            .logits = logits<T>,
            .delta = delta<T>,
            .output_gradient = output_gradient<T>,
            .output_flow = output_flow,
            .convert = convert<T>};
}

constexpr StepKernel kernel_of_lanes{.fp32 = layer_kernel<float>(),
                                     .bf16 = layer_kernel<Bf16>(),
                                     .pair_rows = pair_rows,
                                     .gather = gather,
                                     .entropy = entropy,
                                     .entropy_gradient = entropy_gradient,
                                     .adam = adam};

}  // namespace

namespace RATIOFARM_INSTRUCTIONS {

const StepKernel& step_kernel() { return kernel_of_lanes; }

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm::trainer
