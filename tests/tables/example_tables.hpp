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
#include "ratiofarm/tables/ratio_writer.hpp"

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

inline EnsembleHeader example_header(std::uint64_t nets) {
    EnsembleHeader header;
    header.process = std::string("S");
    header.digest = {1, 2};
    header.network = {.inputs = 2, .hidden = {3, 4}, .activation = Activation::tanh};
    header.features = {"mass", "pt"};
    header.training.epochs = 5;
    header.nets = nets;
    return header;
}

/// Net i ran 3 + i % 3 epochs.
inline EnsembleNet example_net(const EnsembleHeader& header, std::uint64_t net) {
    EnsembleNet value{.task = {net, 77}, .seed = 1000 + net, .result = {}};
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
            block.log_ratio.push_back(example_log_ratio(key.process, id));
            block.spread.push_back(0.125F * static_cast<float>(key.process));
        }
        return block;
    };
}

}  // namespace ratiofarm::test
