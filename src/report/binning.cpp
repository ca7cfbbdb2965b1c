#include "binning.hpp"

#include <algorithm>
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

Binning Binning::adaptive(std::span<const float> values,
                          std::span<const double> weights,
                          std::size_t n,
                          double outside) {
    const auto parts = static_cast<double>(std::max<std::size_t>(n, 1));
    std::vector<double> fractions{0.0};
    for (double i = 0.0; i <= parts; i += 1.0) {
        fractions.push_back(outside + i / parts * (1.0 - 2.0 * outside));
    }
    fractions.push_back(1.0);
    std::vector<double> edges = weighted_quantiles(values, weights, fractions);
    if (edges.empty() || edges.front() == edges.back()) return quantiles(values, weights, 1);
    const double low = edges[1];
    const double high = edges[edges.size() - 2];
    for (double i = 1.0; i < parts; i += 1.0) edges.push_back(low + i / parts * (high - low));
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());

    const Binning fine(edges);
    std::vector<double> content(fine.bins(), 0.0);
    double total = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        content[fine.bin_of(values[i])] += std::abs(weights[i]);
        total += std::abs(weights[i]);
    }
    const auto is_kept = [&](double edge) { return edge == low || edge == high; };
    std::vector<double> merged{edges.front()};
    double since = 0.0;
    for (std::size_t b = 0; b + 1 < fine.bins(); ++b) {
        since += content[b];
        if (since < total / (5.0 * parts) && !is_kept(edges[b + 1])) continue;
        merged.push_back(edges[b + 1]);
        since = 0.0;
    }
    merged.push_back(edges.back());
    return Binning(std::move(merged));
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

Binning Binning::resolving(std::span<const float> values,
                           std::span<const double> weights,
                           std::size_t n,
                           double minimum) const {
    if (values.empty()) return *this;
    std::vector<double> edges = edges_;
    for (const double edge : quantiles(values, weights, n).edges_) {
        if (edge > edges_.front() && edge < edges_.back()) edges.push_back(edge);
    }
    std::ranges::sort(edges);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    double sum = 0.0;
    double square = 0.0;
    for (const double weight : weights) {
        sum += weight;
        square += weight * weight;
    }
    const double parts = 5.0 * static_cast<double>(std::max<std::size_t>(n, 1));
    const double share = square > 0.0 ? sum * sum / square / parts : 0.0;
    return Binning(std::move(edges)).without_sparse_bins(values, weights, std::max(minimum, share));
}

std::size_t Binning::bin_of(double value) const noexcept {
    const auto inner = std::upper_bound(edges_.begin() + 1, edges_.end() - 1, value);
    return static_cast<std::size_t>(inner - (edges_.begin() + 1));
}

std::vector<double> weighted_quantiles(std::span<const float> values,
                                       std::span<const double> weights,
                                       std::span<const double> fractions) {
    RATIOFARM_EXPECT(values.size() == weights.size());
    if (values.empty()) return {};
    struct Event {
        float value;
        double weight;
    };
    std::vector<Event> events(values.size());  // sorting these is twice as fast as sorting places
    double total = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        events[i] = {values[i], std::abs(weights[i])};
        total += events[i].weight;
    }
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
