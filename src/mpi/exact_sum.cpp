#include "ratiofarm/mpi/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::mpi {
namespace {

constexpr int limb_bits = 40;
constexpr std::size_t n_limbs = 3;
constexpr double limb_size = 0x1p40;
constexpr std::int8_t lowest_top = -25;      // two pieces below it lie the subnormal numbers
constexpr std::int8_t not_finite_top = 100;  // above that of any number

/// Adding it leaves an integer below 2^51 in the low bits of the sum, rounded to the nearest.
constexpr double integer_magic = 0x1.8p52;

/// The piece that holds the highest bit of x: |x| < 2^(40 (top + 1)).
std::int8_t top_of(double x) {
    const auto exponent = static_cast<int>((std::bit_cast<std::uint64_t>(x) >> 52) & 0x7ff);
    if (exponent == 0x7ff) return not_finite_top;
    // Floor of the division, by way of positive numbers.
    return static_cast<std::int8_t>((exponent - 1023 + 28 * limb_bits) / limb_bits - 28);
}

/// 2^(-40 top)
double unit_of(std::int8_t top) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(1023 - limb_bits * top) << 52);
}

std::int64_t bits_of(double x) { return std::bit_cast<std::int64_t>(x); }

}  // namespace

ExactSums::ExactSums(std::size_t width)
    : top_(width, lowest_top), unit_(width, unit_of(lowest_top)), limbs_(n_limbs * width, 0) {}

/// Moves the pieces of a sum to those below a new top; what falls out is too small to count.
void ExactSums::raise(std::size_t sum, std::int8_t top) {
    const auto places = static_cast<std::size_t>(top - top_[sum]);
    for (std::size_t k = n_limbs; k-- > 0;) {
        limbs_[k * width() + sum] = k >= places ? limbs_[(k - places) * width() + sum] : 0;
    }
    top_[sum] = top;
    unit_[sum] = top == not_finite_top ? 0.0 : unit_of(top);
}

/// Terms in units of their sums' highest pieces; raises sums that have smaller ones.
void ExactSums::scale(std::span<const double> terms, std::size_t first, double* scaled) {
    bool fits = true;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        scaled[i] = terms[i] * unit_[first + i];
        fits &= std::abs(scaled[i]) < limb_size;
    }
    if (fits) return;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        if (top_of(terms[i]) > top_[first + i]) raise(first + i, top_of(terms[i]));
        const bool finite = top_[first + i] != not_finite_top;
        scaled[i] = finite ? terms[i] * unit_[first + i] : 0.0;
    }
}

void ExactSums::add(std::span<const double> terms) {
    const std::size_t n = width();
    RATIOFARM_EXPECT(terms.size() == n);
    constexpr std::size_t chunk = 256;
    double rest[chunk];
    for (std::size_t first = 0; first < n; first += chunk) {
        const std::size_t count = std::min(chunk, n - first);
        scale(terms.subspan(first, count), first, rest);
        for (std::size_t k = 0; k < n_limbs; ++k) {
            std::int64_t* limb = limbs_.data() + k * n + first;
            for (std::size_t i = 0; i < count; ++i) {
                const double rounded = rest[i] + integer_magic;
                limb[i] += bits_of(rounded) - bits_of(integer_magic);
                rest[i] = (rest[i] - (rounded - integer_magic)) * limb_size;
            }
        }
    }
}

void ExactSums::add(const ExactSums& other) {
    const std::size_t n = width();
    RATIOFARM_EXPECT(other.width() == n);
    ExactSums theirs = other;
    for (std::size_t i = 0; i < n; ++i) {
        if (theirs.top_[i] > top_[i]) raise(i, theirs.top_[i]);
        if (theirs.top_[i] < top_[i]) theirs.raise(i, top_[i]);
    }
    for (std::size_t i = 0; i < limbs_.size(); ++i) limbs_[i] += theirs.limbs_[i];
}

std::vector<double> ExactSums::values() const {
    const std::size_t n = width();
    std::vector<double> result(n);
    for (std::size_t i = 0; i < n; ++i) {
        if (top_[i] == not_finite_top) {
            result[i] = std::numeric_limits<double>::quiet_NaN();
            continue;
        }
        // Carries up to the highest piece, so that the lower ones are fractions of its unit.
        const std::int64_t low = limbs_[2 * n + i];
        const std::int64_t middle = limbs_[n + i] + (low >> limb_bits);
        const std::int64_t high = limbs_[i] + (middle >> limb_bits);
        constexpr std::int64_t fraction = (std::int64_t{1} << limb_bits) - 1;
        const double below = static_cast<double>(middle & fraction) +
                             static_cast<double>(low & fraction) / limb_size;
        result[i] = std::ldexp(static_cast<double>(high) + below / limb_size, limb_bits * top_[i]);
    }
    return result;
}

std::vector<double> exact_sum(const Communicator& comm, ExactSums mine) {
    std::vector<std::int8_t> top = mine.top_;
    all_max(comm, top);
    for (std::size_t i = 0; i < top.size(); ++i) {
        if (top[i] > mine.top_[i]) mine.raise(i, top[i]);
    }
    all_sum(comm, mine.limbs_);
    return mine.values();
}

}  // namespace ratiofarm::mpi
