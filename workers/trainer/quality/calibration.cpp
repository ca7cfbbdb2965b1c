#include "calibration.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

#include "scored_events.hpp"

namespace ratiofarm::trainer {
namespace {

/// Some neighbouring quantile bins, later some that were pooled.
struct Block {
    double numerator = 0.0;
    double total = 0.0;
    double z_sum = 0.0;  ///< weighted by |a| + |b|
    double z_weight = 0.0;

    void join(const Block& next) {
        numerator += next.numerator;
        total += next.total;
        z_sum += next.z_sum;
        z_weight += next.z_weight;
    }
    /// It has events of both classes: the logit of the fraction is finite.
    bool mixed() const { return numerator > 0.0 && numerator < total; }
    double z() const { return z_sum / z_weight; }
};

std::vector<Block> quantile_blocks(const std::vector<ScoredEvent>& events, std::size_t bins) {
    std::vector<WeightedValue> logits;
    for (const ScoredEvent& event : events) logits.push_back({event.z, 1.0});
    const std::vector<double> edges = quantile_edges(std::move(logits), bins);
    std::vector<Block> blocks(edges.size() + 1);
    for (const ScoredEvent& event : events) {
        const double weight = std::abs(event.a) + std::abs(event.b);
        blocks[bin_of(edges, event.z)].join({event.a, event.a + event.b, weight * event.z, weight});
    }
    return blocks;
}

/// Joins each block that is not mixed to what follows; the last one to what is before.
std::vector<Block> mixed_blocks(const std::vector<Block>& blocks) {
    std::vector<Block> result;
    Block open;
    for (const Block& block : blocks) {
        open.join(block);
        if (!open.mixed()) continue;
        result.push_back(open);
        open = {};
    }
    if (!result.empty()) result.back().join(open);
    if (!result.empty() && !result.back().mixed()) result.clear();
    return result;
}

/// Blocks of the same regressed value become one.
std::vector<Block> pooled(const std::vector<Block>& blocks) {
    std::vector<double> fractions;
    std::vector<double> weights;
    for (const Block& block : blocks) {
        fractions.push_back(block.numerator / block.total);
        weights.push_back(block.total);
    }
    const std::vector<double> regressed = isotonic_regression(fractions, weights);
    std::vector<Block> result;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i > 0 && regressed[i] == regressed[i - 1]) {
            result.back().join(blocks[i]);
        } else {
            result.push_back(blocks[i]);
        }
    }
    return result;
}

CalibrationMap through(const std::vector<Block>& blocks) {
    CalibrationMap map;
    for (const Block& block : blocks) {
        const auto knot = static_cast<float>(block.z());
        if (!map.logit.empty() && knot <= map.logit.back()) continue;  // closer than a float tells
        map.logit.push_back(knot);
        map.calibrated.push_back(
            static_cast<float>(std::log(block.numerator / (block.total - block.numerator))));
    }
    return map.logit.size() < 2 ? CalibrationMap{} : map;
}

CalibrationMap straight_line(const std::vector<ScoredEvent>& events) {
    const LogisticFit fit = logistic_fit(events);
    if (!fit.converged || !(fit.slope > 0.0)) return {};
    double end = 15.0;
    for (const ScoredEvent& event : events) end = std::max(end, std::abs(event.z));
    const auto at = [&](double z) { return static_cast<float>(fit.offset + fit.slope * z); };
    return {{static_cast<float>(-end), static_cast<float>(end)}, {at(-end), at(end)}};
}

}  // namespace

std::vector<double> isotonic_regression(std::span<const double> values,
                                        std::span<const double> weights) {
    RATIOFARM_EXPECT(values.size() == weights.size());
    struct Pool {
        double sum;
        double weight;
        std::size_t size;
        double mean() const { return sum / weight; }
    };
    std::vector<Pool> pools;
    for (std::size_t i = 0; i < values.size(); ++i) {
        RATIOFARM_EXPECT(weights[i] > 0.0);
        pools.push_back({values[i] * weights[i], weights[i], 1});
        while (pools.size() > 1 && pools[pools.size() - 2].mean() >= pools.back().mean()) {
            const Pool last = pools.back();
            pools.pop_back();
            Pool& pool = pools.back();
            pool = {pool.sum + last.sum, pool.weight + last.weight, pool.size + last.size};
        }
    }
    std::vector<double> result;
    for (const Pool& pool : pools) result.insert(result.end(), pool.size, pool.mean());
    return result;
}

CalibrationMap fit_calibration(const ScoredTable& validation, CalibrationMethod method) {
    constexpr std::size_t histogram_bins = 20;
    const std::vector<ScoredEvent> events = balanced_events(validation, {});
    switch (method) {
        case CalibrationMethod::none: break;
        case CalibrationMethod::isotonic:
            return through(pooled(mixed_blocks(quantile_blocks(events, calibration_knots))));
        case CalibrationMethod::platt: return straight_line(events);
        case CalibrationMethod::histogram:
            return through(mixed_blocks(quantile_blocks(events, histogram_bins)));
    }
    return {};
}

}  // namespace ratiofarm::trainer
