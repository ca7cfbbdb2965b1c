#include "ratiofarm/protocol/split.hpp"

#include <array>
#include <cmath>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("the parts of a split have the declared sizes") {
    const Split split{0.5, 0.1, 0.3};
    std::array<int, 4> counts{};
    const int n = 100000;
    for (int id = 0; id < n; ++id) {
        ++counts[static_cast<std::size_t>(split_part(static_cast<std::uint64_t>(id), split))];
    }
    const std::array expected{0.5, 0.1, 0.3, 0.1};
    for (std::size_t part = 0; part < 4; ++part) {
        CHECK(std::abs(counts[part] - n * expected[part]) < 5.0 * std::sqrt(n * expected[part]));
    }
}

TEST_CASE("fractions that sum to one but for rounding leave no event unused") {
    const Split split{0.7, 0.1, 0.2};
    for (std::uint64_t id = 0; id < 100000; ++id) {
        REQUIRE(split_part(id, split) != SplitPart::unused);
    }
}

TEST_CASE("a larger training fraction only moves events into training") {
    for (std::uint64_t id = 0; id < 1000; ++id) {
        if (split_part(id, {0.3, 0.0, 0.7}) == SplitPart::train) {
            CHECK(split_part(id, {0.6, 0.0, 0.4}) == SplitPart::train);
        }
    }
}
