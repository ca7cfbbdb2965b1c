#include "cancelled_weights.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {
namespace {

/// Coordinates in which cells are made; further ones hardly change what is nearby.
constexpr std::size_t most_coordinates = 8;

/// What the likelihood sees of an event: the shares of the processes in the mixture, and by which
/// share of it each nuisance parameter changes it. \return [coordinates][rows]
std::vector<std::vector<double>> coordinates_of(const EventSet& events,
                                                Range rows,
                                                std::span<const double> yields) {
    const std::size_t s = events.processes.size();
    std::vector<std::string> parameters;
    for (const ShapeColumn& shape : events.shapes) {
        if (std::ranges::find(parameters, shape.parameter) == parameters.end()) {
            parameters.push_back(shape.parameter);
        }
    }
    std::vector<std::vector<double>> result(s + parameters.size());
    for (auto& coordinate : result) coordinate.assign(rows.size(), 0.0);
    for (std::uint64_t i = rows.first; i < rows.last; ++i) {
        const double* log_r = events.log_r.data() + i * s;
        const double largest = *std::max_element(log_r, log_r + s);
        if (!std::isfinite(largest)) continue;
        double sum = 0.0;
        for (std::size_t j = 0; j < s; ++j) sum += yields[j] * std::exp(log_r[j] - largest);
        const std::uint64_t row = i - rows.first;
        for (std::size_t j = 0; j < s; ++j) {
            result[j][row] = yields[j] * std::exp(log_r[j] - largest) / sum;
        }
        for (std::size_t c = 0; c < events.shapes.size(); ++c) {
            const auto j = std::ranges::find(events.processes, events.shapes[c].process);
            const auto m = std::ranges::find(parameters, events.shapes[c].parameter);
            const double up = events.log_g[2 * c * events.size() + i];
            const double down = events.log_g[(2 * c + 1) * events.size() + i];
            result[s + static_cast<std::size_t>(m - parameters.begin())][row] +=
                0.5 * std::tanh(up - down) *
                result[static_cast<std::size_t>(j - events.processes.begin())][row];
        }
    }
    return result;
}

/// The events of one set, halved to cells.
class Cells {
public:
    Cells(std::span<double> weights, std::vector<std::vector<double>> coordinates)
        : weights_(weights), coordinates_(std::move(coordinates)), rows_(weights.size()) {
        std::iota(rows_.begin(), rows_.end(), 0U);
        const auto order = by_spread(rows_);
        std::vector<std::vector<double>> widest;
        for (std::size_t k = 0; k < std::min(order.size(), most_coordinates); ++k) {
            widest.push_back(std::move(coordinates_[order[k]]));
        }
        coordinates_ = std::move(widest);
    }

    /// \return cells
    std::uint64_t cancel() { return cancel(rows_); }

private:
    WeightSums sums_of(std::span<const std::uint64_t> rows) const {
        WeightSums sums;
        for (const std::uint64_t row : rows) sums.add(row, weights_[row]);
        return sums;
    }

    bool is_cell(std::span<const std::uint64_t> rows) const {
        const WeightSums sums = sums_of(rows);
        return sums.sum > 0.0 && sums.sum * sums.sum >= smallest_cell * sums.squares;
    }

    /// Coordinates that differ among some events, largest variance first.
    std::vector<std::size_t> by_spread(std::span<const std::uint64_t> rows) const {
        std::vector<std::pair<double, std::size_t>> spread;
        for (std::size_t c = 0; c < coordinates_.size(); ++c) {
            double mean = 0.0;
            for (const std::uint64_t row : rows) mean += coordinates_[c][row];
            mean /= static_cast<double>(rows.size());
            double squares = 0.0;
            for (const std::uint64_t row : rows) {
                squares += (coordinates_[c][row] - mean) * (coordinates_[c][row] - mean);
            }
            if (squares > 0.0) spread.emplace_back(-squares, c);
        }
        std::sort(spread.begin(), spread.end());
        std::vector<std::size_t> order;
        for (const auto& [squares, c] : spread) order.push_back(c);
        return order;
    }

    std::uint64_t cancel(std::span<std::uint64_t> rows) {
        const auto negative = [&](std::uint64_t row) { return weights_[row] < 0.0; };
        if (std::none_of(rows.begin(), rows.end(), negative)) return 0;
        for (const std::size_t c : by_spread(rows)) {
            const std::vector<double>& x = coordinates_[c];
            std::sort(rows.begin(), rows.end(), [&](std::uint64_t a, std::uint64_t b) {
                return x[a] != x[b] ? x[a] < x[b] : a < b;
            });
            const std::size_t half = rows.size() / 2;
            const auto below = rows.first(half);
            const auto above = rows.subspan(half);
            if (!is_cell(below) || !is_cell(above)) continue;
            const std::uint64_t cells = cancel(below);
            return cells + cancel(above);
        }
        const WeightSums sums = sums_of(rows);
        for (const std::uint64_t row : rows) {
            weights_[row] = std::abs(weights_[row]) * (sums.sum / sums.absolute);
        }
        return 1;
    }

    std::span<double> weights_;
    std::vector<std::vector<double>> coordinates_;
    std::vector<std::uint64_t> rows_;
};

/// sum w r_j / sum w. \return [processes]
std::vector<double> mean_ratios(const EventSet& events) {
    const std::size_t s = events.processes.size();
    std::vector<double> means(s, 0.0);
    double sum = 0.0;
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        sum += events.reference[i];
        for (std::size_t j = 0; j < s; ++j) {
            means[j] += events.reference[i] * std::exp(events.log_r[i * s + j]);
        }
    }
    for (std::size_t j = 0; j < s; ++j) {
        means[j] /= sum;
        if (means[j] > 0.0 && std::isfinite(means[j])) continue;
        throw DataError(
            fmt::format("process '{}': its ratios average to {:.4g} over the reference "
                        "(must be > 0: too many negative weights?)",
                        events.processes[j], means[j]));
    }
    return means;
}

}  // namespace

double effective_events(std::span<const double> weights) {
    WeightSums sums;
    for (std::size_t i = 0; i < weights.size(); ++i) sums.add(i, weights[i]);
    return sums.effective_events();
}

std::vector<CancelledWeights> cancel_negative_weights(EventSet& events,
                                                      std::span<const double> yields) {
    std::vector<CancelledWeights> result;
    for (std::size_t k = 0; k < events.origins.size(); ++k) {
        const bool last = k + 1 == events.origins.size();
        const Range rows{events.origins[k].first,
                         last ? events.size() : events.origins[k + 1].first};
        const auto weights = std::span(events.reference).subspan(rows.first, rows.size());
        CancelledWeights set{.set = events.origins[k].set, .events = rows.size()};
        set.negative = static_cast<std::uint64_t>(
            std::ranges::count_if(weights, [](double w) { return w < 0.0; }));
        set.effective = set.effective_now = effective_events(weights);
        result.push_back(set);
    }
    const auto signed_set = [](const CancelledWeights& set) { return set.negative > 0; };
    if (std::ranges::none_of(result, signed_set)) return result;
    const std::vector<double> before = mean_ratios(events);
    for (std::size_t k = 0; k < result.size(); ++k) {
        if (!signed_set(result[k])) continue;
        const Range rows{events.origins[k].first, events.origins[k].first + result[k].events};
        const auto weights = std::span(events.reference).subspan(rows.first, rows.size());
        const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
        if (!(sum > 0.0) || result[k].effective < smallest_cell) {
            throw DataError(
                fmt::format("reference events of '{}': {} of {} weights are negative, and together "
                            "they are worth {:.3g} events of weight 1 (toys need at least {:g}; "
                            "give more events, or simulate with fewer negative weights)",
                            result[k].set, result[k].negative, result[k].events,
                            result[k].effective, smallest_cell));
        }
        result[k].cells = Cells(weights, coordinates_of(events, rows, yields)).cancel();
        result[k].effective_now = effective_events(weights);
    }
    const std::vector<double> after = mean_ratios(events);
    const std::size_t s = before.size();
    for (std::size_t index = 0; index < events.log_r.size(); ++index) {
        events.log_r[index] += std::log(before[index % s] / after[index % s]);
    }
    return result;
}

}  // namespace ratiofarm
