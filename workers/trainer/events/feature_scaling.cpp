#include "feature_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

namespace ratiofarm::trainer {
namespace {

/// What is known of one feature.
struct Range {
    double mean = 0.0;
    double variance = 0.0;
    double median = 0.0;      ///< only for Scaling::quantile
    double half_width = 0.0;  ///< likewise
    float smallest = std::numeric_limits<float>::infinity();
    float largest = -std::numeric_limits<float>::infinity();

    /// Below this the deviation is rounding of a constant, not a width.
    bool varies() const { return variance > 0.0 && variance > 1e-14 * mean * mean; }
};

/// The smallest value with at least this share of the weight at or below it.
double quantile(const std::vector<std::pair<float, double>>& sorted, double share) {
    double total = 0.0;
    for (const auto& [value, weight] : sorted) total += weight;
    double sum = 0.0;
    for (const auto& [value, weight] : sorted) {
        sum += weight;
        if (sum >= share * total) return value;
    }
    return sorted.empty() ? 0.0 : static_cast<double>(sorted.back().first);
}

void measure_quantiles(const FeatureTable& table, std::vector<Range>& ranges) {
    constexpr double below = 0.15865525393145705;  // of a normal distribution, below -1
    std::vector<std::pair<float, double>> values(table.weights.size());
    for (std::size_t input = 0; input < ranges.size(); ++input) {
        for (std::size_t row = 0; row < values.size(); ++row) {
            values[row] = {table.values[row * ranges.size() + input], table.weights[row]};
        }
        std::ranges::sort(values);
        ranges[input].median = quantile(values, 0.5);
        ranges[input].half_width = 0.5 * (quantile(values, 1.0 - below) - quantile(values, below));
    }
}

std::vector<Range> ranges_of(const FeatureTable& table, std::size_t inputs, Scaling scaling) {
    const double total = std::accumulate(table.weights.begin(), table.weights.end(), 0.0);
    std::vector<Range> ranges(inputs);
    const auto for_each = [&](auto&& action) {
        for (std::size_t row = 0; row < table.weights.size(); ++row) {
            for (std::size_t input = 0; input < inputs; ++input) {
                action(ranges[input], table.values[row * inputs + input],
                       table.weights[row] / total);
            }
        }
    };
    for_each([](Range& range, float value, double weight) {
        range.mean += weight * static_cast<double>(value);
        range.smallest = std::min(range.smallest, value);
        range.largest = std::max(range.largest, value);
    });
    for_each([](Range& range, float value, double weight) {
        const double distance = static_cast<double>(value) - range.mean;
        range.variance += weight * distance * distance;
    });
    if (scaling == Scaling::quantile) measure_quantiles(table, ranges);
    return ranges;
}

void append(FeatureScaling& to, const Range& range, Scaling scaling) {
    const double smallest = range.smallest;
    const double largest = range.largest;
    const double deviation = std::sqrt(range.variance);
    double shift = 0.0;
    double scale = 1.0;
    switch (scaling) {
        case Scaling::none: break;
        case Scaling::standard:
            shift = range.mean;
            scale = 1.0 / deviation;
            break;
        case Scaling::min_max:
            shift = (smallest + largest) / 2.0;
            scale = 2.0 / (largest - smallest);
            break;
        case Scaling::quantile:
            shift = range.median;
            scale = 1.0 / (range.half_width > 0.0 ? range.half_width : deviation);
            break;
    }
    to.shift.push_back(static_cast<float>(shift));
    to.scale.push_back(static_cast<float>(scale));
}

/// The numbers of real particles, one after the other, with the weights of their events.
struct Particles {
    std::vector<float> columns;
    std::vector<float> energy;
    std::vector<double> weights;
};

Particles particles_of(const EventTable& table) {
    const Network& network = table.network;
    const std::size_t size = event_size(network);
    const std::size_t slot = slot_size(network);
    const std::size_t columns = network.particles.size();
    Particles all;
    for (std::size_t row = 0; row < table.weights.size(); ++row) {
        const float* event = table.values.data() + row * size + network.inputs;
        const auto real =
            std::min(static_cast<std::size_t>(event[0]), std::size_t{network.max_particles});
        for (std::size_t i = 0; i < real; ++i) {
            const float* particle = event + 1 + i * slot + 1;
            all.columns.insert(all.columns.end(), particle, particle + columns);
            if (reads_momenta(network.kind)) all.energy.push_back(particle[columns]);
            all.weights.push_back(table.weights[row]);
        }
    }
    return all;
}

/// At least 1. \param values  [rows] with weights
double weighted_median(std::vector<std::pair<float, double>> values) {
    std::ranges::sort(values);
    return std::max(1.0, quantile(values, 0.5));
}

void append_particles(FeatureScaling& to, const EventTable& table, Scaling scaling) {
    const Network& network = table.network;
    const Particles particles = particles_of(table);
    const std::size_t columns = network.particles.size();
    const std::vector<Range> ranges =
        ranges_of({particles.columns, particles.weights, {}}, columns, scaling);
    for (std::size_t column = 0; column < columns; ++column) {
        const bool is_type = network.particles[column].starts_with(type_prefix);
        if (!is_type && ranges[column].varies()) {
            append(to, ranges[column], scaling);
            continue;
        }
        to.shift.push_back(0.0F);
        to.scale.push_back(1.0F);
    }
    if (!reads_momenta(network.kind)) return;
    const Range energy =
        ranges_of({particles.energy, particles.weights, {}}, 1, Scaling::standard).front();
    const bool usable = std::isfinite(energy.mean) && energy.mean > 0.0;
    to.shift.push_back(0.0F);
    to.scale.push_back(usable ? static_cast<float>(std::exp2(-std::round(std::log2(energy.mean))))
                              : 1.0F);
}

}  // namespace

FeatureScaling feature_scaling(const FeatureTable& table, Scaling scaling) {
    RATIOFARM_EXPECT(table.values.size() == table.weights.size() * table.features.size());
    const std::vector<Range> ranges = ranges_of(table, table.features.size(), scaling);
    FeatureScaling result;
    for (std::size_t input = 0; input < ranges.size(); ++input) {
        const Range& range = ranges[input];
        if (!range.varies()) {
            throw DataError("feature column " + std::to_string(table.features[input]) + " is " +
                            std::to_string(range.mean) +
                            " for every training event: a constant cannot separate anything "
                            "(remove it from events.features, or from unfolding.truth in step 2)");
        }
        append(result, range, scaling);
    }
    return result;
}

namespace {

/// [rows, last - first] of a table [rows, event_size()]
std::vector<float> some_columns(const EventTable& table, std::size_t first, std::size_t last) {
    const std::size_t size = event_size(table.network);
    std::vector<float> values;
    for (std::size_t row = 0; row < table.weights.size(); ++row) {
        const float* event = table.values.data() + row * size;
        values.insert(values.end(), event + first, event + last);
    }
    return values;
}

FeatureScaling gram_scaling(const EventTable& table, Scaling scaling) {
    const Network& network = table.network;
    const std::vector<float> features = some_columns(table, 0, network.inputs);
    const std::size_t pairs = gram_size(network);
    const std::vector<float> products = some_columns(table, network.inputs, network.inputs + pairs);
    const auto ranges = ranges_of({products, table.weights, {}}, pairs, scaling);
    if (!ranges.front().varies()) {
        throw DataError(
            "network.gram: the product of the two leading momenta is the same in every training "
            "event (do events have two particles? their energies and momenta must be set)");
    }
    FeatureScaling result = feature_scaling({features, table.weights, table.features}, scaling);
    for (const Range& range : ranges)
        append(result, range, range.varies() ? scaling : Scaling::none);
    return result;
}

}  // namespace

FeatureScaling event_scaling(const EventTable& table, Scaling scaling) {
    const Network& network = table.network;
    if (network.gram > 0) return gram_scaling(table, scaling);
    if (!reads_particles(network.kind)) {
        return feature_scaling({table.values, table.weights, table.features}, scaling);
    }
    const std::size_t size = event_size(network);
    const std::vector<float> features = some_columns(table, 0, network.inputs);
    std::vector<std::pair<float, double>> multiplicities;
    for (std::size_t row = 0; row < table.weights.size(); ++row) {
        multiplicities.emplace_back(table.values[row * size + network.inputs], table.weights[row]);
    }
    FeatureScaling result = feature_scaling({features, table.weights, table.features}, scaling);
    result.shift.push_back(0.0F);
    result.scale.push_back(static_cast<float>(1.0 / weighted_median(std::move(multiplicities))));
    append_particles(result, table, scaling);
    return result;
}

}  // namespace ratiofarm::trainer
