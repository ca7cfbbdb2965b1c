#include <array>
#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "core/seeds.hpp"

using namespace ratiofarm;

namespace {

constexpr std::uint64_t events = 400'000;

/// Correlation of the counts of two (first id, replica) sequences.
double correlation(std::uint64_t first_id, std::uint64_t replica, std::uint64_t other_replica) {
    double sum = 0.0;
    for (std::uint64_t id = 0; id < events; ++id) {
        sum += (static_cast<double>(bootstrap_count(id, replica)) - 1.0) *
               (static_cast<double>(bootstrap_count(first_id + id, other_replica)) - 1.0);
    }
    return sum / static_cast<double>(events);
}

}  // namespace

TEST_CASE("the counts of a replica follow a Poisson distribution of mean 1") {
    constexpr std::size_t bins = 7;  // the last holds all above
    std::array<double, bins> seen{};
    double sum = 0.0;
    double square = 0.0;
    for (std::uint64_t id = 0; id < events; ++id) {
        const auto count = bootstrap_count(id, seed_for(1, "replica 0", Stream::replica));
        seen[std::min<std::size_t>(count, bins - 1)] += 1.0;
        sum += count;
        square += static_cast<double>(count) * count;
    }

    const auto n = static_cast<double>(events);
    CHECK(sum / n == Approx(1.0).margin(5.0 / std::sqrt(n)));
    CHECK(square / n - 1.0 == Approx(1.0).margin(5.0 * std::sqrt(13.0 / n)));
    double chi2 = 0.0;
    double rest = 1.0;
    for (std::size_t k = 0; k < bins; ++k) {
        const double probability =
            k + 1 < bins ? std::exp(-1.0 - std::lgamma(static_cast<double>(k) + 1.0)) : rest;
        rest -= probability;
        chi2 += std::pow(seen[k] - n * probability, 2) / (n * probability);
    }
    CHECK(chi2 < 22.5);  // 6 degrees of freedom, probability 1e-3
}

TEST_CASE("an event counts the same wherever it stands, and else as if drawn anew") {
    const std::uint64_t first = seed_for(1, "replica 0", Stream::replica);
    const std::uint64_t second = seed_for(1, "replica 1", Stream::replica);
    const double five_sigma = 5.0 / std::sqrt(static_cast<double>(events));

    CHECK(correlation(0, first, first) == Approx(1.0).margin(5.0 * five_sigma));
    CHECK(std::abs(correlation(0, first, second)) < five_sigma);
    CHECK(std::abs(correlation(1, first, first)) < five_sigma);
}
