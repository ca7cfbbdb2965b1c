#include "toys_draw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

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

namespace {

/// Ascending, with equal ones joined. \param n all rows there are
std::vector<DrawnRow> joined(std::vector<std::uint64_t> rows, std::uint64_t n) {
    std::vector<DrawnRow> drawn;
    drawn.reserve(rows.size());
    constexpr std::uint64_t sparse = 64;  // beyond that, looking at every row takes longer
    if (n / sparse < rows.size()) {
        std::vector<std::uint32_t> times(n);
        for (const std::uint64_t row : rows) ++times[row];
        for (std::uint64_t row = 0; row < n; ++row) {
            if (times[row] > 0) drawn.push_back({row, times[row]});
        }
        return drawn;
    }
    std::sort(rows.begin(), rows.end());
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
    double negative = 0.0;
    for (const double weight : weights) {
        RATIOFARM_EXPECT(std::isfinite(weight));
        sum += std::max(weight, 0.0);
        negative += std::min(weight, 0.0);
        cumulated_.push_back(sum);
    }
    if (negative != 0.0) {
        const double scale = std::max(0.0, sum + negative) / sum;
        for (double& upto : cumulated_) upto *= scale;
    }
    nearby_.reserve(cumulated_.size());
    std::uint64_t row = 0;
    for (std::size_t step = 0; step < cumulated_.size(); ++step) {
        const double at = static_cast<double>(step) * expected() / static_cast<double>(size());
        while (row + 1 < size() && cumulated_[row] <= at) ++row;
        nearby_.push_back(row);
    }
}

std::uint64_t WeightedDraw::row_at(double share) const {
    // The first row whose sum is beyond the number: rows without weight are never met, and rounding
    // cannot lead behind the last row, since share < 1.
    const double at = share * expected();
    std::uint64_t row = nearby_[static_cast<std::size_t>(share * static_cast<double>(size()))];
    while (row > 0 && cumulated_[row - 1] > at) --row;
    while (cumulated_[row] <= at) ++row;
    return row;
}

std::vector<DrawnRow> WeightedDraw::draw(PhiloxSequence& random) const {
    const std::uint64_t n = poisson(random, expected());
    std::vector<std::uint64_t> rows;
    rows.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) rows.push_back(row_at(random.uniform()));
    return joined(std::move(rows), size());
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
    return joined(std::move(rows), n_);
}

EventSet joined(const std::vector<ToyRows>& parts) {
    EventSet toy;
    toy.processes = parts.front().events->processes;
    toy.shapes = parts.front().events->shapes;
    for (const ToyRows& part : parts) toy.total += part.rows.size();
    const std::size_t s = toy.processes.size();
    const bool normalised = parts.back().as_reference;
    toy.log_r.reserve(toy.total * s);
    std::vector<std::uint64_t> rows;  // of all parts
    for (const ToyRows& part : parts) {
        for (const DrawnRow& drawn : part.rows) {
            toy.weight.push_back(part.as_reference ? 0.0 : static_cast<double>(drawn.times));
            if (normalised) {
                toy.reference.push_back(part.as_reference ? part.events->reference[drawn.row]
                                                          : 0.0);
            }
            const double* log_r = part.events->log_r.data() + drawn.row * s;
            toy.log_r.insert(toy.log_r.end(), log_r, log_r + s);
            rows.push_back(drawn.row);
        }
    }
    toy.log_g.resize(2 * toy.shapes.size() * toy.total);
    float* to = toy.log_g.data();
    for (std::size_t column = 0; column < 2 * toy.shapes.size(); ++column) {
        const std::uint64_t* row = rows.data();
        for (const ToyRows& part : parts) {
            const float* log_g = part.events->log_g.data() + column * part.events->size();
            for (std::size_t i = 0; i < part.rows.size(); ++i) *to++ = log_g[*row++];
        }
    }
    return toy;
}

std::vector<DrawnRow> all_rows(const EventSet& events) {
    std::vector<DrawnRow> rows;
    for (std::uint64_t i = 0; i < events.size(); ++i) rows.push_back({i, 1});
    return rows;
}

}  // namespace ratiofarm
