#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "tables/ratios/ratio_writer.hpp"

/// Small tables whose values are easy to compute by hand.
namespace ratiofarm::test {

/// A sample of n events with two features; id = first_id + row, weight between 0.5 and 1.5.
inline EventSample example_sample(const std::string& name,
                                  std::uint64_t events,
                                  std::uint64_t first_id = 0) {
    EventSample sample;
    sample.name = name;
    sample.columns = {"mass", "pt"};
    for (std::uint64_t row = 0; row < events; ++row) {
        sample.features.push_back(static_cast<float>(row));
        sample.features.push_back(-0.5F * static_cast<float>(row));
        sample.weight.push_back(1.0 + 0.5 * std::sin(static_cast<double>(row)));
        sample.id.push_back(first_id + row);
    }
    return sample;
}

inline const Split& halves() {
    static const Split split{.train = 0.4, .validation = 0.1, .inference = 0.5};
    return split;
}

/// No option of the training has its default, so that none can be forgotten.
inline TrainingOptions example_options() {
    return {.epochs = 5,
            .batch = 77,
            .learning_rate = 3e-4,
            .optimizer = Optimizer::adamw,
            .schedule = Schedule::plateau,
            .schedule_factor = 0.3,
            .schedule_epochs = 4,
            .warmup_epochs = 1.5,
            .clip_norm = 2.5,
            .weight_decay = 1e-3,
            .patience = 3,
            .keep = Keep::last,
            .average = Average::ema,
            .average_decay = 0.9,
            .dropout = 0.25,
            .scaling = Scaling::min_max,
            .negative_weights = NegativeWeights::refuse,
            .calibration = CalibrationMethod::isotonic,
            .precision = Precision::bf16,
            .engine = Engine::autograd,
            .pack = 4,
            .threads = 2};
}

inline EnsembleHeader example_header(std::uint64_t nets) {
    EnsembleHeader header;
    header.name = std::string("S.replicas");
    header.process = std::string("S");
    header.digest = {1, 2};
    header.network = {.kind = NetworkKind::residual_mlp,
                      .inputs = 2,
                      .hidden = {3, 4},
                      .activation = Activation::gelu};
    header.features = {"mass", "pt"};
    header.training = example_options();
    header.folds = 2;
    header.gates = {{"excess", 0.05}, {"slope", 0.1}};
    header.excluded = {{"S/member 1", {3, 4}, "diverged: the loss is NaN in epoch 2"},
                       {"S/member 2", {5, 6}, "E[r] - 1 = 0.41"}};
    for (std::uint64_t net = 0; net < nets; ++net) {
        header.names.push_back("S/member " + std::to_string(net));
    }
    return header;
}

/// Differs from net to net; every second one has a calibration map.
inline NetQuality example_quality(std::uint64_t net) {
    const auto x = static_cast<double>(net + 1);
    return {.excess = 0.01 * x,
            .excess_error = 0.02 * x,
            .sc_rms = 0.03 * x,
            .sc_norm = 0.04 * x,
            .sc_noise = 0.045 * x,
            .calibration_slope = 1.0 + 0.05 * x,
            .slope_error = 0.06 * x,
            .calibration_predicted = {0.1, 0.5, 0.1 * x},
            .calibration_observed = {0.2, 0.6, 0.2 * x},
            .calibration_error = {0.01, 0.02, 0.03 * x},
            .overtraining = 0.07 * x,
            .overtraining_noise = 0.075 * x,
            .closure = {1.5 * x, 0.5 * x},
            .closure_noise = {1.25 * x, 0.25 * x},
            .logit_spread = 0.8 * x,
            .not_finite = net,
            .saturated = 10 + net,
            .reference_logits = {0.5F, -0.5F, static_cast<float>(net)},
            .held_out_gain = 0.001 * x,
            .held_out_error = 0.002 * x,
            .held_out_events = 1000 + net,
            .class_excess = {},
            .class_excess_error = {},
            .class_slope = {},
            .class_slope_error = {}};
}

/// Net i ran 3 + i % 3 epochs.
inline EnsembleNet example_net(const EnsembleHeader& header, std::uint64_t net) {
    EnsembleNet value;
    value.task = {net, 77};
    value.index = static_cast<std::uint32_t>(net % 4);
    value.attempts = 1 + static_cast<std::uint32_t>(net % 2);
    value.fold = static_cast<std::uint32_t>(net % 2);
    value.seed = 1000 + net;
    value.replica = 2000 + net;
    TrainedNet& result = value.result;
    result.row.resize(header.row_size());
    std::iota(result.row.begin(), result.row.end(), static_cast<float>(100 * net));
    result.epochs = 3 + static_cast<std::uint32_t>(net % 3);
    result.best_epoch = 2;
    result.best_validation_loss = 0.25;
    for (std::uint32_t epoch = 0; epoch < result.epochs; ++epoch) {
        result.training_loss.push_back(1.0 / (epoch + 1.0));
        result.validation_loss.push_back(1.1 / (epoch + 1.0));
    }
    result.training_events = 4321;
    result.validation_events = 123;
    result.negative_weights = 7;
    result.quality = example_quality(net);
    if (header.scores && header.network.outputs == 1) {
        result.scores = {-2.0, 1.0 + 0.5 * static_cast<double>(net),
                         std::vector<float>(4 * score_histogram_bins, 0.05F),
                         std::vector<float>(4 * score_histogram_bins, 0.001F)};
    }
    if (net % 2 == 1) result.calibration = {{-1.0F, 0.5F, 2.0F}, {-1.5F, 0.25F, 1.0F}};
    return value;
}

/// ln p_j/p_ref at an event of the examples, any smooth function of the id.
inline float example_log_ratio(std::uint64_t process, std::uint64_t id) {
    return 0.3F * static_cast<float>(std::cos(0.01 * static_cast<double>(id + 5 * process)));
}

/// Samples S and B of an events file with ratios for both processes.
inline RatioInput example_ratio_input(const std::filesystem::path& events,
                                      std::uint64_t range_size) {
    RatioInput input;
    input.range_size = range_size;
    input.header.processes = {{"S", 10.0, {3, 4}}, {"B", 90.0, {5, 6}}};
    input.header.reference = {{"S", "S", 0.25}, {"B", "B", 0.75}};
    input.header.split = halves();
    input.header.inputs = {8, 9};
    const std::vector<std::string> names{"S", "B"};
    for (const SampleInfo& info : read_sample_info(events, names, {}, halves())) {
        input.sets.push_back({info, halves(), info.name == "S" ? 10.0 : 90.0});
    }
    return input;
}

/// Ratios as the evaluation tasks would give them.
inline RatioProvider example_provider(const RatioInput& input) {
    return [&input](const RatioBlockKey& key) {
        const RatioSetInput& set = input.sets[key.set];
        const MappedSample sample(set.sample);
        RatioBlock block;
        const std::uint64_t first = key.range * input.range_size;
        const std::uint64_t last = std::min(first + input.range_size, sample.events());
        for (std::uint64_t row = first; row < last; ++row) {
            const std::uint64_t id = sample.id()[row];
            if (split_part(id, set.split) != SplitPart::inference) continue;
            block.log_ratio.push_back(example_log_ratio(key.column, id));
            block.spread.push_back(0.125F * static_cast<float>(key.column));
        }
        return block;
    };
}

}  // namespace ratiofarm::test
