#include "ratiofarm/protocol/network.hpp"

#include <initializer_list>

#include "ratiofarm/core/contracts.hpp"

#include "network_kinds.hpp"

namespace ratiofarm {

std::uint64_t ParameterBlock::size() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : shape) product *= extent;
    return product;
}

namespace {

/// Lists parameters, operations and results; a value is its width and how often an event has it.
class LayoutGraph {
public:
    struct Value {
        std::uint64_t width = 0;
        std::uint64_t axes = 0;  ///< 0: once, 1: for each particle, 2: for each pair of particles
    };

    explicit LayoutGraph(const Network& network)
        : network_(network),
          slots_(static_cast<double>(network.max_particles) + (network.beams ? 2.0 : 0.0)) {
        append("feature_shift", {scaled_inputs(network)});
        append("feature_scale", {scaled_inputs(network)});
    }

    Value features() const { return {network_.inputs + gram_size(network_), 0}; }
    static Value count() { return {1, 0}; }
    Value particles() const { return {network_.particles.size() + (network_.beams ? 1 : 0), 1}; }
    Value products() { return made({1, 2}, 8.0); }
    Value pair_quantities() { return made({4, 2}, 60.0); }

    Value linear(const std::string& name, Value x, std::uint32_t outputs) {
        append(name + ".weight", {outputs, x.width});
        append(name + ".bias", {outputs});
        return made({outputs, x.axes}, 2.0 * static_cast<double>(x.width + 1));
    }
    Value pair_linear(const std::string& name, Value h, Value x, std::uint32_t outputs) {
        append(name + ".weight", {outputs, 2 * h.width + x.width});
        append(name + ".bias", {outputs});
        made({2 * outputs, 1}, 2.0 * static_cast<double>(h.width));
        return made({outputs, 2}, 2.0 * static_cast<double>(x.width + 1));
    }
    Value diagonal_linear(const std::string& name, Value x, std::uint32_t outputs) {
        const Value result = linear(name, x, outputs);
        append(name + ".diagonal", {outputs});
        return result;
    }
    Value layer_norm(const std::string& name, Value x) {
        append(name + ".gain", {x.width});
        append(name + ".offset", {x.width});
        return made(x, 8.0);
    }
    Value powers(const std::string& name, Value x, std::uint32_t channels) {
        append(name + ".log_exponent", {channels});
        return made({channels, x.axes}, 40.0);
    }
    Value activate(Value x) { return made(x, 0.0); }
    static Value drop(std::size_t, Value x) { return x; }
    Value add(Value x, Value y) {
        RATIOFARM_EXPECT(x.width == y.width && x.axes == y.axes);
        return made(x, 0.0);
    }
    Value concat(std::initializer_list<Value> values) {
        Value all{0, values.begin()->axes};
        for (const Value& value : values) {
            RATIOFARM_EXPECT(value.axes == all.axes);
            all.width += value.width;
        }
        return made(all, 0.0);
    }
    Value psi(Value x) { return made(x, 20.0); }
    Value gate(Value x, Value) { return made(x, 1.0); }
    Value mean(Value x) { return made({x.width, 0}, slots_); }
    Value sum(Value x) { return mean(x); }
    Value mean_of_partners(Value x) { return made({x.width, 1}, slots_); }
    Value sum_of_partners(Value x) { return mean_of_partners(x); }
    Value mean_of_neighbours(Value x) { return mean_of_partners(x); }
    Value own(Value x) { return made({x.width, 1}, 0.0); }
    Value distances(Value x) { return made(x, 3.0); }
    Value move(Value products, Value) { return made(products, 4.0 * slots_); }
    Value attention(Value q, Value, Value, Value bias) {
        made({2 * bias.width, 2}, 10.0 + 2.0 * static_cast<double>(q.width));
        return made(q, 2.0 * slots_);
    }
    Value aggregate(Value x) { return made({15 * x.width, 2}, 1.0); }
    Value totals(Value x) { return made({2 * x.width, 0}, slots_); }
    Value masked(Value x) { return made(x, 1.0); }

    std::vector<ParameterBlock> take_blocks() { return std::move(blocks_); }
    double flop() const { return flop_; }
    double numbers() const { return numbers_; }

private:
    /// \param flop  for each number
    Value made(Value value, double flop) {
        double numbers = static_cast<double>(value.width);
        for (std::uint64_t axis = 0; axis < value.axes; ++axis) numbers *= slots_;
        numbers_ += numbers;
        flop_ += flop * numbers;
        return value;
    }

    void append(std::string name, std::vector<std::uint64_t> shape) {
        const std::uint64_t offset =
            blocks_.empty() ? 0 : blocks_.back().offset + blocks_.back().size();
        blocks_.push_back({std::move(name), std::move(shape), offset});
    }

    const Network& network_;
    double slots_;
    std::vector<ParameterBlock> blocks_;
    double flop_ = 0.0;
    double numbers_ = 0.0;
};

LayoutGraph layout_of(const Network& network) {
    LayoutGraph graph(network);
    logit(graph, network, graph.features());
    return graph;
}

}  // namespace

std::uint64_t scaled_inputs(const Network& network) {
    if (!reads_particles(network.kind)) return network.inputs + gram_size(network);
    return network.inputs + 1 + network.particles.size() + (reads_momenta(network.kind) ? 1 : 0);
}

std::vector<ParameterBlock> parameter_layout(const Network& network) {
    return layout_of(network).take_blocks();
}

std::uint64_t row_size(const Network& network) {
    const auto blocks = parameter_layout(network);
    return blocks.back().offset + blocks.back().size();
}

std::uint64_t trainable_size(const Network& network) {
    return row_size(network) - 2 * scaled_inputs(network);
}

double forward_flop(const Network& network) { return layout_of(network).flop(); }

double pass_numbers(const Network& network) { return layout_of(network).numbers(); }

}  // namespace ratiofarm
