#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "fit/events/region_events.hpp"

/// What it means that two sums over the events of a region agree.
namespace ratiofarm::test {

/// Numbers agree to a share of the largest of them.
inline void check_close(const std::vector<double>& fast,
                        const std::vector<double>& plain,
                        double share) {
    REQUIRE(fast.size() == plain.size());
    double largest = 0.0;
    double difference = 0.0;
    for (std::size_t k = 0; k < fast.size(); ++k) {
        largest = std::max(largest, std::abs(plain[k]));
        difference = std::max(difference, std::abs(fast[k] - plain[k]));
        CHECK(std::isfinite(fast[k]));
    }
    CHECK(difference <= share * largest);
}

inline void check_close(const MixtureSums& fast, const MixtureSums& plain, double share) {
    check_close(std::vector{fast.value}, std::vector{plain.value}, share);
    check_close(fast.gradient, plain.gradient, share);
    check_close(fast.shape_gradient, plain.shape_gradient, share);
    check_close(fast.shape_curvature, plain.shape_curvature, share);
    check_close(fast.outer, plain.outer, share);
    CHECK(fast.below_floor == plain.below_floor);
    CHECK(fast.clipped == plain.clipped);
}

inline void check_close(const ReferenceSums& fast, const ReferenceSums& plain, double share) {
    check_close(std::vector{fast.weight}, std::vector{plain.weight}, 1e-14);
    check_close(fast.value, plain.value, share);
    check_close(fast.gradient, plain.gradient, share);
    REQUIRE(fast.curvature.size() == plain.curvature.size());
    for (std::size_t j = 0; j < fast.curvature.size(); ++j) {
        check_close(fast.curvature[j], plain.curvature[j], share);
    }
}

// In double brackets, since Catch2 would print every element of what differs.
inline void check_same(const MixtureSums& a, const MixtureSums& b) {
    CHECK((a.value == b.value));
    CHECK((a.below_floor == b.below_floor));
    CHECK((a.gradient == b.gradient));
    CHECK((a.shape_gradient == b.shape_gradient));
    CHECK((a.shape_curvature == b.shape_curvature));
    CHECK((a.outer == b.outer));
    CHECK((a.clipped == b.clipped));
}

inline void check_same(const ReferenceSums& a, const ReferenceSums& b) {
    CHECK((a.weight == b.weight));
    CHECK((a.value == b.value));
    CHECK((a.gradient == b.gradient));
    CHECK((a.curvature == b.curvature));
}

}  // namespace ratiofarm::test
