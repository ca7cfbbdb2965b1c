#include "ratiofarm/core/network.hpp"

#include <fmt/format.h>

namespace ratiofarm {

std::uint64_t ParameterBlock::size() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : shape) product *= extent;
    return product;
}

std::vector<ParameterBlock> parameter_layout(const Network& network) {
    std::vector<ParameterBlock> blocks;
    std::uint64_t offset = 0;
    const auto add = [&](std::string name, std::vector<std::uint64_t> shape) {
        blocks.push_back({std::move(name), std::move(shape), offset});
        offset += blocks.back().size();
    };
    add("feature_shift", {network.inputs});
    add("feature_scale", {network.inputs});
    std::uint64_t inputs = network.inputs;
    const std::size_t layers = network.hidden.size() + 1;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        const std::uint64_t outputs = layer + 1 < layers ? network.hidden[layer] : 1;
        add(fmt::format("layer{}.weight", layer), {outputs, inputs});
        add(fmt::format("layer{}.bias", layer), {outputs});
        inputs = outputs;
    }
    return blocks;
}

std::uint64_t row_size(const Network& network) {
    const auto blocks = parameter_layout(network);
    return blocks.back().offset + blocks.back().size();
}

std::uint64_t trainable_size(const Network& network) {
    return row_size(network) - 2 * std::uint64_t{network.inputs};
}

double forward_flop(const Network& network) {
    return 2.0 * static_cast<double>(trainable_size(network));
}

}  // namespace ratiofarm
