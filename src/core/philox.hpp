#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ratiofarm {

/// Philox4x32-10 (Salmon et al., SC11): a bijection that turns (key, counter) into four random
/// 32-bit words. No state: word i of a stream is computed where it is needed.
std::array<std::uint32_t, 4> philox(std::uint64_t key,
                                    std::uint64_t counter_high,
                                    std::uint64_t counter_low) noexcept;

/// Mixes 64 bits thoroughly (SplitMix64 finaliser): a bijection.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/// Uniform in [0, 1) with 53 random bits from two words.
constexpr double uniform01(std::uint32_t high, std::uint32_t low) noexcept {
    const std::uint64_t bits = (std::uint64_t{high} << 32) | low;
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// A sequence of draws from one key: the counter is its only state.
class PhiloxSequence {
public:
    explicit PhiloxSequence(std::uint64_t key, std::uint64_t stream = 0)
        : key_(key), stream_(stream) {}

    double uniform();  ///< [0, 1)
    double normal();   ///< standard normal, Box-Muller, one draw of a pair at a time

private:
    std::uint64_t key_;
    std::uint64_t stream_;
    std::uint64_t counter_ = 0;
};

/// A pseudo-random permutation of [0, n) without memory (four-round Feistel network with cycle
/// walking): position i of epoch e is a pure function, so a resumed epoch continues in order.
class Permutation {
public:
    /// \param size number of elements, > 0
    Permutation(std::uint64_t size, std::uint64_t key);

    /// \param position in [0, size)  \return element in [0, size), a bijection
    std::uint64_t operator()(std::uint64_t position) const noexcept;

    /// Elements at `first` and the positions after it; faster than asking for one at a time.
    void fill(std::uint64_t first, std::span<std::uint64_t> elements) const;

private:
    std::uint64_t encrypt(std::uint64_t value) const noexcept;

    std::uint64_t size_;
    std::uint64_t key_;
    unsigned half_bits_;
};

}  // namespace ratiofarm
