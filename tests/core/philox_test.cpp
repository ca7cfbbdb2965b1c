#include "core/philox.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("philox gives the words of the published test vectors") {
    // Random123, kat_vectors: philox4x32 with 10 rounds.
    CHECK(philox(0, 0, 0) ==
          std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox(~0ull, ~0ull, ~0ull) ==
          std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull) ==
          std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a permutation visits every element once, for sizes of every kind") {
    for (const std::uint64_t size : {1, 2, 3, 5, 16, 17, 1000, 4097}) {
        const Permutation permutation(size, 99);

        std::set<std::uint64_t> seen;
        for (std::uint64_t i = 0; i < size; ++i) seen.insert(permutation(i));

        CHECK(seen.size() == size);
        CHECK(*seen.rbegin() == size - 1);
    }
}

TEST_CASE("permutations of different keys differ, of one key agree") {
    const Permutation a(1000, 1), again(1000, 1), b(1000, 2);
    int same = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        CHECK(a(i) == again(i));
        same += a(i) == b(i) ? 1 : 0;
    }
    CHECK(same < 20);  // one is expected by chance
}

TEST_CASE("positions of a permutation are not related to elements") {
    const std::uint64_t n = 100000;
    const Permutation permutation(n, 5);
    double sum = 0.0;
    for (std::uint64_t i = 0; i < n; ++i) {
        sum += (static_cast<double>(i) - 49999.5) * (static_cast<double>(permutation(i)) - 49999.5);
    }
    const double variance = (static_cast<double>(n) * static_cast<double>(n) - 1.0) / 12.0;
    CHECK(std::abs(sum / (static_cast<double>(n) * variance)) < 4.0 / std::sqrt(n));
}

TEST_CASE("normal draws have mean zero and variance one") {
    PhiloxSequence sequence(3);
    double sum = 0.0, squares = 0.0;
    const int n = 100000;
    for (int i = 0; i < n; ++i) {
        const double x = sequence.normal();
        sum += x;
        squares += x * x;
    }
    CHECK(std::abs(sum / n) < 5.0 / std::sqrt(n));
    CHECK(std::abs(squares / n - 1.0) < 5.0 * std::sqrt(2.0 / n));
}

TEST_CASE("a permutation filled by ranges is the one taken place by place") {
    for (const std::uint64_t size : {1U, 5U, 64U, 1000U}) {
        const Permutation permutation(size, 77);
        for (const std::uint64_t first : {std::uint64_t{0}, size / 3}) {
            std::vector<std::uint64_t> range(size - first);

            permutation.fill(first, range);

            for (std::size_t i = 0; i < range.size(); ++i) {
                CHECK(range[i] == permutation(first + i));
            }
        }
    }
}
