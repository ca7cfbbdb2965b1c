#include "initial_row.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/philox.hpp"
#include "protocol/network_kinds.hpp"
#include "protocol/task_file.hpp"

#include "training_setup.hpp"

namespace ratiofarm::trainer {
namespace {

double weight_bound(const Network& network, bool is_output, double fan_in) {
    if (is_output) return 1.0 / std::sqrt(fan_in);
    const double variance = network.activation == Activation::tanh ? 1.0 : 2.0;
    return std::sqrt(3.0 * variance / fan_in);  // a uniform in +-b has variance b*b/3
}

void fill_uniform(std::span<float> values, double bound, PhiloxSequence& random) {
    for (float& value : values) {
        value = static_cast<float>(bound * (2.0 * random.uniform() - 1.0));
    }
}

/// What is no weight of a layer, nor its bias.
void fill_special(const ParameterBlock& block, std::span<float> values) {
    if (block.name.ends_with(".gain")) std::ranges::fill(values, 1.0F);
    if (!block.name.ends_with(".log_exponent")) return;
    // Exponents from 0.05 to 0.5.
    const double steps = std::max(1.0, static_cast<double>(values.size()) - 1.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] =
            static_cast<float>(std::log(0.05) + static_cast<double>(i) / steps * std::log(10.0));
    }
}

}  // namespace

std::vector<float> initial_row(const Network& network,
                               std::uint64_t seed,
                               std::span<const float> shift,
                               std::span<const float> scale) {
    RATIOFARM_EXPECT(shift.size() == scaled_inputs(network) && scale.size() == shift.size());
    std::vector<float> row(row_size(network));
    const auto layout = parameter_layout(network);
    const auto block_values = [&](const ParameterBlock& block) {
        return std::span(row).subspan(block.offset, block.size());
    };

    std::ranges::copy(shift, block_values(layout[0]).begin());
    std::ranges::copy(scale, block_values(layout[1]).begin());
    const std::string output = layer_name(network.hidden.size()) + ".weight";
    std::uint64_t layer = 0;
    for (auto block = layout.begin() + 2; block != layout.end(); ++block) {
        if (!block->name.ends_with(".weight")) {
            fill_special(*block, block_values(*block));
            continue;
        }
        const ParameterBlock& bias = *std::next(block);
        const auto fan_in = static_cast<double>(block->shape[1]);
        PhiloxSequence random(seed, layer++);
        fill_uniform(block_values(*block), weight_bound(network, block->name == output, fan_in),
                     random);
        fill_uniform(block_values(bias), 1.0 / std::sqrt(fan_in), random);
        ++block;
    }
    return row;
}

namespace {

/// Nets of a training, or that of a step of an unfolding.
TrainingResult training_result(const WarmStart& from) {
    if (task_file_kind(from.path) != TaskFileKind::unfold_result) {
        return take_result<TrainingResult>(from.path, from.task);
    }
    return {{take_result<UnfoldResult>(from.path, from.task).net}};
}

}  // namespace

std::vector<float> warm_start_row(const Network& network, const WarmStart& from) {
    return in_context("warm start", [&] {
        TrainingResult result = training_result(from);
        const std::string name = "net " + std::to_string(from.net) + " of '" + from.path + "'";
        if (from.net >= result.nets.size()) {
            throw DataError(name + " does not exist: there are " +
                            std::to_string(result.nets.size()));
        }
        TrainedNet& net = result.nets[from.net];
        if (!net.failure.empty()) throw DataError(name + " " + net.failure);
        if (net.row.size() != row_size(network)) {
            throw DataError(name + " has " + std::to_string(net.row.size()) +
                            " weights where this network has " + std::to_string(row_size(network)) +
                            " (both need the same [network] and features)");
        }
        return std::move(net.row);
    });
}

std::uint32_t last_epoch(const TrainRequest& request) {
    const std::uint32_t epochs = request.training.epochs;
    const std::uint32_t stop = request.continuation.stop_epoch;
    return stop == 0 ? epochs : std::min(stop, epochs);
}

bool is_to_be_continued(const TrainRequest& request) {
    return last_epoch(request) < request.training.epochs;
}

Beginning beginning_of(const TrainRequest& request,
                       const FeatureScaling& scaling,
                       const TrainingStateStore& store,
                       const Log& log) {
    if (auto saved = store.newest(request)) return {std::move(*saved), true};
    const Continuation& continuation = request.continuation;
    if (continuation.from_path.empty()) return {first_state(request, scaling), false};
    const TrainingStateStore before(continuation.from_path, continuation.from_task, log);
    if (auto saved = before.newest(request)) return {std::move(*saved), false};
    log.warning("the state of the previous rung is gone: starting again",
                {{"task", request.name}, {"file", continuation.from_path}});
    return {first_state(request, scaling), true};
}

}  // namespace ratiofarm::trainer
