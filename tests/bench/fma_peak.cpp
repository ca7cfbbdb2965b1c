#include "fma_peak.hpp"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>

namespace {

constexpr int n_chains = 12;  // more than latency times ports
constexpr long n_rounds = 2000000;

__attribute__((target("avx512f"))) float avx512_single() {
    __m512 chain[n_chains];
    for (auto& c : chain) c = _mm512_set1_ps(1.0F);
    const __m512 a = _mm512_set1_ps(0.999F), b = _mm512_set1_ps(1e-3F);
    for (long k = 0; k < n_rounds; ++k) {
#pragma GCC unroll 12
        for (auto& c : chain) c = _mm512_fmadd_ps(c, a, b);
    }
    for (auto& c : chain) chain[0] = _mm512_add_ps(chain[0], c);
    return _mm512_cvtss_f32(chain[0]);
}

__attribute__((target("avx512f"))) double avx512_double() {
    __m512d chain[n_chains];
    for (auto& c : chain) c = _mm512_set1_pd(1.0);
    const __m512d a = _mm512_set1_pd(0.999), b = _mm512_set1_pd(1e-3);
    for (long k = 0; k < n_rounds; ++k) {
#pragma GCC unroll 12
        for (auto& c : chain) c = _mm512_fmadd_pd(c, a, b);
    }
    for (auto& c : chain) chain[0] = _mm512_add_pd(chain[0], c);
    return _mm512_cvtsd_f64(chain[0]);
}

__attribute__((target("avx2,fma"))) float avx2_single() {
    __m256 chain[n_chains];
    for (auto& c : chain) c = _mm256_set1_ps(1.0F);
    const __m256 a = _mm256_set1_ps(0.999F), b = _mm256_set1_ps(1e-3F);
    for (long k = 0; k < n_rounds; ++k) {
#pragma GCC unroll 12
        for (auto& c : chain) c = _mm256_fmadd_ps(c, a, b);
    }
    for (auto& c : chain) chain[0] = _mm256_add_ps(chain[0], c);
    return _mm256_cvtss_f32(chain[0]);
}

__attribute__((target("avx2,fma"))) double avx2_double() {
    __m256d chain[n_chains];
    for (auto& c : chain) c = _mm256_set1_pd(1.0);
    const __m256d a = _mm256_set1_pd(0.999), b = _mm256_set1_pd(1e-3);
    for (long k = 0; k < n_rounds; ++k) {
#pragma GCC unroll 12
        for (auto& c : chain) c = _mm256_fmadd_pd(c, a, b);
    }
    for (auto& c : chain) chain[0] = _mm256_add_pd(chain[0], c);
    return _mm256_cvtsd_f64(chain[0]);
}

volatile double sink;

}  // namespace

double fma_peak(bool single_precision, bool avx2_only) {
    const bool wide = !avx2_only && __builtin_cpu_supports("avx512f");
    if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0.0;
    const double lanes = (wide ? 8.0 : 4.0) * (single_precision ? 2.0 : 1.0);
    double best = 0.0;
    for (int run = 0; run < 5; ++run) {
        const auto start = std::chrono::steady_clock::now();
        if (single_precision) {
            sink = static_cast<double>(wide ? avx512_single() : avx2_single());
        } else {
            sink = wide ? avx512_double() : avx2_double();
        }
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        best = std::max(best, 2.0 * lanes * n_chains * n_rounds / spent.count());
    }
    return best;
}

#else

double fma_peak(bool, bool) { return 0.0; }

#endif
