#include "unfolding_events.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"

#include "core/seeds.hpp"
#include "protocol/task_file.hpp"

namespace ratiofarm::trainer {
namespace {

void add_worst(std::vector<ChainStep>& steps, std::span<const ChainStep> more) {
    steps.resize(more.size());
    for (std::size_t i = 0; i < more.size(); ++i) {
        ChainStep& step = steps[i];
        step.attempt = std::max(step.attempt, more[i].attempt);
        step.clipped_share = std::max(step.clipped_share, more[i].clipped_share);
        step.effective_share = std::min(step.effective_share, more[i].effective_share);
    }
}

}  // namespace

SampleColumns truth_of(SampleColumns columns) {
    columns.features_offset = columns.levels.truth_offset;
    columns.columns = columns.levels.names.size();
    return columns;
}

std::vector<double> weights_of(const MappedSample& sample, std::uint64_t replica) {
    std::vector<double> weights(sample.events());
    for (std::uint64_t row = 0; row < weights.size(); ++row) {
        weights[row] = sample.weight(row);
        if (replica != 0) weights[row] *= bootstrap_count(sample.id(row), replica);
    }
    return weights;
}

Flags flags_of(const SampleColumns& columns, std::uint64_t offset) {
    const MappedFile file(columns.file);
    const auto values = file.values<std::uint8_t>(offset, columns.events);
    return {values.begin(), values.end()};
}

Flags listed(std::span<const double> weights) {
    Flags flags(weights.size());
    std::ranges::transform(weights, flags.begin(),
                           [](double weight) { return std::uint8_t{weight != 0.0}; });
    return flags;
}

MeanWeights mean_weights(const std::vector<UnfoldParent>& parents, std::size_t events) {
    if (parents.empty()) return {std::vector<double>(events, 1.0), {}};
    MeanWeights all{std::vector<double>(events, 0.0), {}};
    std::vector<double>& mean = all.values;
    for (const UnfoldParent& parent : parents) {
        const auto result = take_result<UnfoldResult>(parent.path, parent.task);
        if (result.ln_weight.size() != events) {
            throw DataError("'" + parent.path + "' has weights of " +
                            std::to_string(result.ln_weight.size()) + " events where there are " +
                            std::to_string(events));
        }
        for (std::size_t i = 0; i < events; ++i) {
            mean[i] += std::exp(static_cast<double>(result.ln_weight[i]));
        }
        add_worst(all.steps, result.steps);
    }
    for (double& weight : mean) weight /= static_cast<double>(parents.size());
    return all;
}

std::vector<float> logarithms(std::span<const double> weights) {
    std::vector<float> logs(weights.size());
    std::ranges::transform(weights, logs.begin(), [](double weight) {
        return static_cast<float>(std::log(weight));  // of 0: -infinity
    });
    return logs;
}

Split without_inference(Split split) {
    const double used = split.train + split.validation;
    return {.train = split.train / used,
            .validation = split.validation / used,
            .inference = 0.0,
            .folds = 0};
}

}  // namespace ratiofarm::trainer
