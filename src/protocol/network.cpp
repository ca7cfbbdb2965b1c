#include "ratiofarm/protocol/network.hpp"

#include "ratiofarm/core/contracts.hpp"

#include "network_kinds.hpp"

namespace ratiofarm {

std::uint64_t ParameterBlock::size() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : shape) product *= extent;
    return product;
}

namespace {

/// Lists parameters and operations; a value is its width.
class LayoutGraph {
public:
    using Value = std::uint64_t;

    explicit LayoutGraph(std::uint64_t inputs) {
        append("feature_shift", {inputs});
        append("feature_scale", {inputs});
    }

    Value linear(const std::string& name, Value x, std::uint32_t outputs) {
        append(name + ".weight", {outputs, x});
        append(name + ".bias", {outputs});
        flop_ += 2.0 * static_cast<double>((x + 1) * outputs);
        return outputs;
    }
    static Value activate(Value x) { return x; }
    static Value add(Value x, Value y) {
        RATIOFARM_EXPECT(x == y);
        return x;
    }

    std::vector<ParameterBlock> take_blocks() { return std::move(blocks_); }
    double flop() const { return flop_; }

private:
    void append(std::string name, std::vector<std::uint64_t> shape) {
        const std::uint64_t offset =
            blocks_.empty() ? 0 : blocks_.back().offset + blocks_.back().size();
        blocks_.push_back({std::move(name), std::move(shape), offset});
    }

    std::vector<ParameterBlock> blocks_;
    double flop_ = 0.0;
};

}  // namespace

std::vector<ParameterBlock> parameter_layout(const Network& network) {
    LayoutGraph graph(network.inputs);
    logit(graph, network, network.inputs);
    return graph.take_blocks();
}

std::uint64_t row_size(const Network& network) {
    const auto blocks = parameter_layout(network);
    return blocks.back().offset + blocks.back().size();
}

std::uint64_t trainable_size(const Network& network) {
    return row_size(network) - 2 * std::uint64_t{network.inputs};
}

double forward_flop(const Network& network) {
    LayoutGraph graph(network.inputs);
    logit(graph, network, network.inputs);
    return graph.flop();
}

}  // namespace ratiofarm
