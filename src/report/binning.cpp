#include "binning.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

Binning::Binning(std::vector<double> edges) : edges_(std::move(edges)) {
    const bool finite =
        std::all_of(edges_.begin(), edges_.end(), [](double edge) { return std::isfinite(edge); });
    const bool rising =
        std::adjacent_find(edges_.begin(), edges_.end(), std::greater_equal<>()) == edges_.end();
    if (edges_.size() < 2 || !finite || !rising) {
        throw DataError("bin edges must be at least two finite, strictly increasing numbers");
    }
}

Binning Binning::equal_width(double low, double high, std::size_t bins) {
    std::vector<double> edges(bins + 1);
    for (std::size_t i = 0; i <= bins; ++i) {
        const double part =
            static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(bins, 1));
        edges[i] = low + part * (high - low);
    }
    return Binning(std::move(edges));
}

Binning Binning::quantiles(std::span<const float> values,
                           std::span<const double> weights,
                           std::size_t bins) {
    std::vector<double> fractions(bins + 1);
    for (std::size_t i = 0; i <= bins; ++i) {
        fractions[i] = static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(bins, 1));
    }
    std::vector<double> edges = weighted_quantiles(values, weights, fractions);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    if (edges.size() == 1) edges.push_back(edges.front() + std::max(1.0, std::abs(edges.front())));
    return Binning(std::move(edges));
}

namespace {

/// Events in the order of their values, with sums over those before each.
struct OrderedEvents {
    std::vector<float> value;    ///< [n], rising
    std::vector<double> sum;     ///< [n + 1], of the weights
    std::vector<double> square;  ///< [n + 1], of their squares

    std::size_t first_from(double edge) const {
        return static_cast<std::size_t>(std::ranges::lower_bound(value, edge) - value.begin());
    }

    /// What the events [from, to) are worth: (sum w)^2 / sum w^2.
    double entries(std::size_t from, std::size_t to) const {
        const double weights = sum[to] - sum[from];
        const double squares = square[to] - square[from];
        return squares > 0.0 ? weights * weights / squares : 0.0;
    }
};

OrderedEvents in_order(std::span<const float> values, std::span<const double> weights) {
    RATIOFARM_EXPECT(values.size() == weights.size());
    std::vector<std::pair<float, double>> events;
    for (std::size_t i = 0; i < values.size(); ++i) events.emplace_back(values[i], weights[i]);
    std::ranges::sort(events, {}, &std::pair<float, double>::first);
    OrderedEvents ordered{.value = {}, .sum = {0.0}, .square = {0.0}};
    for (const auto& [value, weight] : events) {
        ordered.value.push_back(value);
        ordered.sum.push_back(ordered.sum.back() + weight);
        ordered.square.push_back(ordered.square.back() + weight * weight);
    }
    return ordered;
}

/// Half way between the distinct values; empty if these are more than `most`.
std::vector<double> edges_between_values(const std::vector<float>& rising, std::size_t most) {
    std::vector<double> edges;
    for (std::size_t i = 1; i < rising.size(); ++i) {
        if (rising[i] == rising[i - 1]) continue;
        if (edges.size() == most) return {};
        edges.push_back(0.5 * (double{rising[i - 1]} + double{rising[i]}));
    }
    return edges;
}

/// A bin that may be halved, and which events are in it.
struct HalvedBin {
    double low = 0.0, high = 0.0;
    std::size_t from = 0, to = 0;
    int depth = 0;
};

/// Appends the edges within a bin: halved where both halves hold enough, or where all is on one
/// side and not at one value, as of a peak.
void halve(const OrderedEvents& events,
           const HalvedBin& bin,
           double enough,
           std::vector<double>& edges) {
    constexpr int deepest = 14;
    const double middle = 0.5 * (bin.low + bin.high);
    const std::size_t cut = std::clamp(events.first_from(middle), bin.from, bin.to);
    const double below = events.entries(bin.from, cut);
    const double above = events.entries(cut, bin.to);
    const std::size_t quarter = (bin.to - bin.from) / 4;
    const bool spike = bin.from == bin.to ||
                       events.value[bin.from + quarter] == events.value[bin.to - 1 - quarter];
    const bool split =
        std::min(below, above) >= enough || (std::max(below, above) >= 3.0 * enough && !spike);
    if (!split || bin.depth == deepest) return;
    halve(events, {bin.low, middle, bin.from, cut, bin.depth + 1}, enough, edges);
    edges.push_back(middle);
    halve(events, {middle, bin.high, cut, bin.to, bin.depth + 1}, enough, edges);
}

}  // namespace

Binning Binning::halved(std::span<const float> values,
                        std::span<const double> weights,
                        std::size_t n,
                        double minimum) {
    const OrderedEvents events = in_order(values, weights);
    if (values.empty() || events.value.front() == events.value.back()) {
        return quantiles(values, weights, 1);
    }
    const double parts = static_cast<double>(std::max<std::size_t>(n, 1));
    const double all = events.entries(0, events.value.size());
    const double fewest = std::max(minimum, all / (5.0 * parts));
    std::vector<double> edges = edges_between_values(events.value, 2 * n);
    if (edges.empty()) {
        const double outside = std::min(0.25, 1.05 * fewest / all);  // a bin at each end
        const auto ends = weighted_quantiles(values, weights, std::array{outside, 1.0 - outside});
        edges.push_back(ends[0]);
        halve(events, {ends[0], ends[1], events.first_from(ends[0]), events.first_from(ends[1]), 0},
              std::max(minimum, all / (2.0 * parts)), edges);
        edges.push_back(ends[1]);
    }
    const double first = events.value.front();
    const double last = events.value.back();
    std::erase_if(edges, [&](double edge) { return edge <= first || edge >= last; });
    edges.insert(edges.begin(), first);
    edges.push_back(last);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return Binning(std::move(edges)).without_sparse_bins(values, weights, fewest);
}

Binning Binning::without_sparse_bins(std::span<const float> values,
                                     std::span<const double> weights,
                                     double minimum) const {
    RATIOFARM_EXPECT(values.size() == weights.size());
    std::vector<double> sums(bins(), 0.0);
    std::vector<double> squares(bins(), 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t bin = bin_of(values[i]);
        sums[bin] += weights[i];
        squares[bin] += weights[i] * weights[i];
    }
    std::vector<double> kept{edges_.front()};
    double sum = 0.0;
    double square = 0.0;
    for (std::size_t b = 0; b < bins(); ++b) {
        sum += sums[b];
        square += squares[b];
        if (square == 0.0 || sum * sum < minimum * square) continue;
        kept.push_back(edges_[b + 1]);
        sum = square = 0.0;
    }
    if (kept.size() == 1) return Binning({edges_.front(), edges_.back()});
    kept.back() = edges_.back();  // what is left over joins the last full bin
    return Binning(std::move(kept));
}

std::size_t Binning::bin_of(double value) const noexcept {
    const auto inner = std::upper_bound(edges_.begin() + 1, edges_.end() - 1, value);
    return static_cast<std::size_t>(inner - (edges_.begin() + 1));
}

std::vector<double> weighted_quantiles(std::span<const float> values,
                                       std::span<const double> weights,
                                       std::span<const double> fractions) {
    RATIOFARM_EXPECT(values.size() == weights.size());
    struct Event {
        float value;
        double weight;
    };
    std::vector<Event> events;  // sorting these is twice as fast as sorting places
    events.reserve(values.size());
    double total = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) continue;
        events.push_back({values[i], std::abs(weights[i])});
        total += events.back().weight;
    }
    if (events.empty()) return {};
    std::ranges::sort(events, {}, &Event::value);

    std::vector<double> result;
    std::size_t position = 0;
    double below = 0.0;
    for (const double fraction : fractions) {
        while (position + 1 < events.size() && below + events[position].weight < fraction * total) {
            below += events[position++].weight;
        }
        result.push_back(fraction < 1.0 ? events[position].value : events.back().value);
    }
    return result;
}

}  // namespace ratiofarm
