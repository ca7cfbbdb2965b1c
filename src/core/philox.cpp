#include "philox.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

std::array<std::uint32_t, 4> philox(std::uint64_t key,
                                    std::uint64_t counter_high,
                                    std::uint64_t counter_low) noexcept {
    constexpr std::uint64_t multiplier0 = 0xD2511F53;
    constexpr std::uint64_t multiplier1 = 0xCD9E8D57;
    auto key0 = static_cast<std::uint32_t>(key);
    auto key1 = static_cast<std::uint32_t>(key >> 32);
    std::array<std::uint32_t, 4> x{
        static_cast<std::uint32_t>(counter_low), static_cast<std::uint32_t>(counter_low >> 32),
        static_cast<std::uint32_t>(counter_high), static_cast<std::uint32_t>(counter_high >> 32)};
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = multiplier0 * x[0];
        const std::uint64_t product1 = multiplier1 * x[2];
        x = {static_cast<std::uint32_t>(product1 >> 32) ^ x[1] ^ key0,
             static_cast<std::uint32_t>(product1),
             static_cast<std::uint32_t>(product0 >> 32) ^ x[3] ^ key1,
             static_cast<std::uint32_t>(product0)};
        key0 += 0x9E3779B9;
        key1 += 0xBB67AE85;
    }
    return x;
}

double PhiloxSequence::uniform() {
    const auto words = philox(key_, stream_, counter_++);
    return uniform01(words[0], words[1]);
}

double PhiloxSequence::normal() {
    const auto words = philox(key_, stream_, counter_++);
    const double radius = std::sqrt(-2.0 * std::log1p(-uniform01(words[0], words[1])));
    return radius * std::cos(2.0 * std::numbers::pi * uniform01(words[2], words[3]));
}

Permutation::Permutation(std::uint64_t size, std::uint64_t key)
    : size_(size), key_(key), half_bits_(1) {
    RATIOFARM_EXPECT(size > 0 && size <= (std::uint64_t{1} << 62));
    while ((std::uint64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
}

std::uint64_t Permutation::operator()(std::uint64_t position) const noexcept {
    // Walk the cycle of the bijection on the enclosing power of four until it is back in range.
    std::uint64_t value = position;
    do {
        value = encrypt(value);
    } while (value >= size_);
    return value;
}

void Permutation::fill(std::uint64_t first, std::span<std::uint64_t> elements) const {
    // All take a step before any takes the next: the processor works on several at a time.
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = encrypt(first + i);
    std::vector<std::uint32_t> outside(elements.size() + 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        outside[count] = static_cast<std::uint32_t>(i);
        count += elements[i] >= size_ ? 1 : 0;
    }
    while (count > 0) {
        std::size_t left = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const std::uint32_t i = outside[k];
            elements[i] = encrypt(elements[i]);
            outside[left] = i;
            left += elements[i] >= size_ ? 1 : 0;
        }
        count = left;
    }
}

std::uint64_t Permutation::encrypt(std::uint64_t value) const noexcept {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
        const std::uint64_t next = left ^ (mix64(key_ ^ mix64(right + (round << 40))) & mask);
        left = right;
        right = next;
    }
    return (left << half_bits_) | right;
}

}  // namespace ratiofarm
