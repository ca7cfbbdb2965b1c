#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/inference.hpp"
#include "workers/trainer/tasks/initial_row.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::test {

using namespace trainer;

inline constexpr std::uint64_t row_padding = 5;  ///< elements between rows of the ensemble file

/// An ensemble of untrained nets and the events it is evaluated on.
struct InferenceSetup {
    SimulatedSample sample;
    std::vector<std::vector<float>> rows;
    InferRequest request;
};

inline InferenceSetup make_setup(const TemporaryDirectory& folder,
                                 std::uint32_t members,
                                 std::uint64_t events,
                                 std::uint32_t outputs = 1) {
    InferenceSetup setup;
    setup.sample = normal_sample("S", events, 0.3, 3);
    InferRequest& request = setup.request;
    request.name = "S on S";
    request.task = {.high = 1, .low = 2};
    request.sample = write_sample(folder, setup.sample);
    request.count = events;
    request.features = {2, 0};
    request.network = {
        .inputs = 2, .hidden = {24, 17}, .activation = Activation::silu, .outputs = outputs};
    request.members = members;
    request.result_path = (folder / "block").string();

    request.row_stride = row_size(request.network) + row_padding;
    std::vector<float> file(3, -1.0F);
    for (std::uint32_t member = 0; member < members; ++member) {
        const std::vector<float> shift{0.1F * static_cast<float>(member), 0.2F};
        const std::vector<float> scale{1.5F, 0.5F};
        setup.rows.push_back(initial_row(request.network, member, shift, scale));
        file.insert(file.end(), setup.rows.back().begin(), setup.rows.back().end());
        file.insert(file.end(), row_padding, -7.0F);
    }
    request.ensemble_file = (folder / "ensemble").string();
    request.weights_offset = 3 * sizeof(float);
    publish(request.ensemble_file, std::as_bytes(std::span(file)));
    return setup;
}

inline double activated(Activation activation, double x) {
    if (activation == Activation::gelu) return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    return x / (1.0 + std::exp(-x));
}

/// The logits by their definition, in double precision.
inline std::vector<double> naive_logits(const Network& network,
                                        const std::vector<float>& row,
                                        const std::vector<float>& x) {
    std::vector<double> values;
    for (std::size_t k = 0; k < x.size(); ++k) {
        values.push_back((static_cast<double>(x[k]) - static_cast<double>(row[k])) *
                         static_cast<double>(row[x.size() + k]));
    }
    const auto layout = parameter_layout(network);
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        std::vector<double> next;
        for (std::size_t unit = 0; unit < layout[block].shape[0]; ++unit) {
            double sum = static_cast<double>(row[layout[block + 1].offset + unit]);
            for (std::size_t k = 0; k < values.size(); ++k) {
                sum += values[k] *
                       static_cast<double>(row[layout[block].offset + unit * values.size() + k]);
            }
            next.push_back(block + 2 < layout.size() ? activated(network.activation, sum) : sum);
        }
        const bool adds = network.kind == NetworkKind::residual_mlp && block > 2 &&
                          block + 2 < layout.size() && next.size() == values.size();
        for (std::size_t k = 0; adds && k < next.size(); ++k) next[k] += values[k];
        values = next;
    }
    return values;
}

inline double naive_logit(const Network& network,
                          const std::vector<float>& row,
                          const std::vector<float>& x) {
    return naive_logits(network, row, x)[0];
}

/// Evaluates and reads the block back.
inline RatioBlock run(const InferRequest& request) {
    ScriptedControl control;
    const TrainerOutcome outcome = infer(request, DeviceKind::cpu, control);
    REQUIRE(outcome.end == TaskEnd::done);
    return read_task_file<RatioBlock>(request.result_path, request.task);
}

/// Rows of the sample that the likelihood sees.
inline std::vector<std::uint64_t> inference_rows(const InferenceSetup& setup) {
    std::vector<std::uint64_t> rows;
    for (std::uint64_t row = 0; row < setup.sample.id.size(); ++row) {
        if (split_part(setup.sample.id[row], setup.request.split) == SplitPart::inference) {
            rows.push_back(row);
        }
    }
    return rows;
}

}  // namespace ratiofarm::test
