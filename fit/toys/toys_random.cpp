#include "toys_random.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

std::uint64_t poisson_by_inversion(PhiloxSequence& random, double mean) {
    double left = random.uniform();
    double probability = std::exp(-mean);
    std::uint64_t count = 0;
    // Beyond 1000 the probability of what is left is far below the step of a uniform number.
    while (left >= probability && count < 1000) {
        left -= probability;
        probability *= mean / static_cast<double>(++count);
    }
    return count;
}

std::uint64_t poisson_by_rejection(PhiloxSequence& random, double mean) {
    const double log_mean = std::log(mean);
    const double b = 0.931 + 2.53 * std::sqrt(mean);
    const double a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    const double sure = 0.9277 - 3.6224 / (b - 2.0);
    while (true) {
        const double u = random.uniform() - 0.5;
        const double v = random.uniform();
        const double distance = 0.5 - std::abs(u);
        if (!(distance > 0.0) || !(v > 0.0)) continue;
        const double k = std::floor((2.0 * a / distance + b) * u + mean + 0.43);
        if (distance >= 0.07 && v <= sure) return static_cast<std::uint64_t>(k);
        if (k < 0.0 || (distance < 0.013 && v > distance)) continue;
        const double height = std::log(v * inverse_alpha / (a / (distance * distance) + b));
        if (height <= k * log_mean - mean - log_factorial(k)) return static_cast<std::uint64_t>(k);
    }
}

}  // namespace

double log_factorial(double k) {
    constexpr std::array<double, 10> small{1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880};
    if (k < 10.0) return std::log(small[static_cast<std::size_t>(k)]);
    // Stirling's series; the next term is below 1e-12 from k = 10 on.
    const double x = k + 1.0;
    const double y = 1.0 / (x * x);
    return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2.0 * std::numbers::pi) +
           (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0)))) / x;
}

std::uint64_t poisson(PhiloxSequence& random, double mean) {
    RATIOFARM_EXPECT(mean >= 0.0 && mean <= 1e12);
    return mean < 10.0 ? poisson_by_inversion(random, mean) : poisson_by_rejection(random, mean);
}

}  // namespace ratiofarm
