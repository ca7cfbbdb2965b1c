#include "toys_draw.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

#include "toys_random.hpp"

namespace ratiofarm {
namespace {

/// Sorts rows and joins equal ones.
std::vector<DrawnRow> joined(std::vector<std::uint64_t> rows) {
    std::sort(rows.begin(), rows.end());
    std::vector<DrawnRow> drawn;
    for (const std::uint64_t row : rows) {
        if (!drawn.empty() && drawn.back().row == row) {
            ++drawn.back().times;
        } else {
            drawn.push_back({row, 1});
        }
    }
    return drawn;
}

}  // namespace

WeightedDraw::WeightedDraw(std::span<const double> weights) {
    cumulated_.reserve(weights.size());
    double sum = 0.0;
    for (const double weight : weights) {
        RATIOFARM_EXPECT(std::isfinite(weight));
        sum += std::max(weight, 0.0);
        cumulated_.push_back(sum);
    }
}

std::vector<DrawnRow> WeightedDraw::draw(PhiloxSequence& random) const {
    const std::uint64_t n = poisson(random, expected());
    std::vector<std::uint64_t> rows;
    rows.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) {
        // The first row whose sum is beyond the number: rows without weight are never met, and
        // rounding cannot lead behind the last row, since u < 1.
        const double at = random.uniform() * expected();
        const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), at);
        rows.push_back(static_cast<std::uint64_t>(found - cumulated_.begin()));
    }
    return joined(std::move(rows));
}

DisjointDraw::DisjointDraw(std::uint64_t n, double expected, std::uint64_t key)
    : n_(n), expected_(expected), key_(key), order_(n, mix64(key)) {}

std::uint64_t DisjointDraw::count(std::uint64_t toy) const {
    PhiloxSequence random(key_, toy);
    return poisson(random, expected_);
}

std::vector<std::uint64_t> DisjointDraw::first_events(Range toys) const {
    std::vector<std::uint64_t> first;
    std::uint64_t before = 0;
    for (std::uint64_t toy = 0; toy <= toys.last; ++toy) {
        if (toy >= toys.first) first.push_back(before);
        before += count(toy);
    }
    return first;
}

std::vector<DrawnRow> DisjointDraw::draw(std::uint64_t first, std::uint64_t count) const {
    RATIOFARM_EXPECT(count <= n_);
    std::vector<std::uint64_t> rows;
    rows.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) rows.push_back(order_((first + i) % n_));
    return joined(std::move(rows));
}

}  // namespace ratiofarm
