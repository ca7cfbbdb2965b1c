#include "row_program.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <ranges>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "row_layers.hpp"
#include "row_ops.hpp"

namespace ratiofarm::trainer {
namespace {

/// Rows of pairs, or of particles, of a chunk: what a network of the usual widths keeps of them
/// stays in a second-level cache.
constexpr std::size_t rows_of_chunk = 512;

/// Only the kinds that operations exist for.
std::size_t program_logit(RowProgram& program, const Network& network) {
    switch (network.kind) {
        case NetworkKind::deep_sets: return deep_sets(program, network, program.features());
        case NetworkKind::lorentz: return lorentz(program, network, program.features());
        case NetworkKind::graph: return graph(program, network, program.features());
        default: break;
    }
    RATIOFARM_EXPECT(has_row_program(network));
    return 0;
}

}  // namespace

bool has_row_program(const Network& network) {
    const bool kind = network.kind == NetworkKind::deep_sets ||
                      network.kind == NetworkKind::lorentz ||
                      (network.kind == NetworkKind::graph && network.neighbours == 0);
    // A width of one would make thin values of what layers read.
    return kind && network.width > 1 && std::ranges::min(network.hidden) > 1 &&
           network.outputs == 1 && !network.layer_norm && network.activation != Activation::gelu;
}

void RowMemory::ensure(std::size_t rows) {
    if (data_ != nullptr && rows <= rows_) return;
    rows_ = std::max(rows, rows_ + rows_ / 2);
    const std::size_t bytes = (rows_ * stride_ * sizeof(float) / 64 + 1) * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (data_ == nullptr) throw std::bad_alloc();
    std::memset(data_.get(), 0, bytes);
}

RowProgram::RowProgram(const Network& network, std::size_t capacity, bool trains)
    : layout_(parameter_layout(network)),
      activation_(network.activation),
      trains_(trains),
      pairs_(reads_momenta(network.kind)),
      inputs_(network.inputs),
      reader_(network) {
    features_ = made(RowsOf::events, network.inputs, false, false);
    count_ = made(RowsOf::events, 1, true, false);
    particles_ =
        made(RowsOf::particles, network.particles.size() + (network.beams ? 1 : 0), false, false);
    if (pairs_) products_ = made(RowsOf::squares, 1, true, false);
    logit_ = program_logit(*this, network);
    if (trains) plan_flows();
    for (RowValue& value : values_) {
        if (value.rows != RowsOf::events) continue;
        value.value.ensure(capacity);
        if (value.slope.stride() > 0) value.slope.ensure(capacity);
    }
    for (std::size_t flow = 0; flow < flows_.size(); ++flow) {
        if (flow_rows_[flow] == RowsOf::events) flows_[flow].ensure(capacity);
    }
}

RowProgram::~RowProgram() = default;

std::size_t RowProgram::place(const std::string& block) const {
    const auto found = std::ranges::find(layout_, block, &ParameterBlock::name);
    RATIOFARM_EXPECT(found != layout_.end());
    return found->offset - layout_[2].offset;
}

RowProgram::Value RowProgram::made(RowsOf rows, std::size_t width, bool thin, bool trained) {
    RowValue value{.rows = rows, .width = width, .thin = thin, .trained = trained};
    value.value = RowMemory(value.stride());
    values_.push_back(std::move(value));
    return values_.size() - 1;
}

template <class Op, class... Arguments>
RowProgram::Value RowProgram::push(Value output,
                                   std::vector<Value> inputs,
                                   Arguments&&... arguments) {
    ops_.push_back(
        std::make_unique<Op>(std::move(inputs), output, std::forward<Arguments>(arguments)...));
    return output;
}

RowProgram::Value RowProgram::linear(const std::string& name, Value x, std::uint32_t outputs) {
    const std::size_t weight = place(name + ".weight");
    const std::size_t bias = place(name + ".bias");
    const Value y = made(at(x).rows, outputs, outputs == 1, true);
    if (outputs == 1) return push<ThinLinear>(y, {x}, weight, bias, at(x).width);
    return push<LinearRows>(y, {x}, weight, bias, at(x), at(y));
}

RowProgram::Value RowProgram::pair_linear(const std::string& name,
                                          Value h,
                                          Value x,
                                          std::uint32_t outputs) {
    const Value y = made(RowsOf::pairs, outputs, false, true);
    return push<PairLayerRows>(y, {h, x}, place(name + ".weight"), place(name + ".bias"), at(h),
                               at(x), std::size_t{outputs});
}

RowProgram::Value RowProgram::activate(Value x) {
    Value y = x;
    const bool taken = ops_.back()->output() == x && ops_.back()->activate(activation_);
    if (!taken) {
        y = made(at(x).rows, at(x).width, at(x).thin, at(x).trained);
        push<ActivateRows>(y, {x}, activation_);
    }
    if (trains_) values_[y].slope = RowMemory(at(y).stride());
    return y;
}

RowProgram::Value RowProgram::add(Value x, Value y) {
    RATIOFARM_EXPECT(at(x).stride() == at(y).stride());
    const Value sum = made(at(x).rows, at(x).width, at(x).thin, at(x).trained || at(y).trained);
    return push<AddRows>(sum, {x, y});
}

RowProgram::Value RowProgram::concat(std::initializer_list<Value> values) {
    std::size_t width = 0;
    bool trained = false;
    RowsOf rows = at(*values.begin()).rows;
    for (const Value value : values) {
        width += at(value).width;
        trained = trained || at(value).trained;
        if (at(value).rows == RowsOf::pairs) rows = RowsOf::pairs;
    }
    // Of pairs only what describes them beside their particles is put together.
    return push<ConcatRows>(made(rows, width, rows == RowsOf::pairs, trained), values);
}

RowProgram::Value RowProgram::psi(Value x) {
    const RowsOf rows = at(x).rows == RowsOf::squares ? RowsOf::pairs : at(x).rows;
    if (rows != at(x).rows) x = push<ConcatRows>(made(rows, 1, true, at(x).trained), {x});
    const Value y = made(rows, at(x).width, at(x).thin, at(x).trained);
    if (trains_ && at(x).trained) values_[y].slope = RowMemory(at(y).stride());
    return push<PsiRows>(y, {x});
}

RowProgram::Value RowProgram::gate(Value x, Value y) {
    RATIOFARM_EXPECT(at(y).thin && at(y).width == 1);
    return push<GateRows>(made(at(x).rows, at(x).width, false, true), {x, y});
}

RowProgram::Value RowProgram::mean(Value x) {
    return push<PoolRows>(made(RowsOf::events, at(x).width, false, at(x).trained), {x}, Pool::mean);
}
RowProgram::Value RowProgram::sum(Value x) {
    return push<PoolRows>(made(RowsOf::events, at(x).width, false, at(x).trained), {x}, Pool::sum);
}
RowProgram::Value RowProgram::mean_of_partners(Value x) {
    return push<PoolRows>(made(RowsOf::particles, at(x).width, false, at(x).trained), {x},
                          Pool::mean_of_partners);
}
RowProgram::Value RowProgram::sum_of_partners(Value x) {
    return push<PoolRows>(made(RowsOf::particles, at(x).width, false, at(x).trained), {x},
                          Pool::sum_of_partners);
}
RowProgram::Value RowProgram::own(Value products) {
    return push<OwnRows>(made(RowsOf::particles, 1, true, at(products).trained), {products});
}
RowProgram::Value RowProgram::distances(Value products) {
    return push<DistanceRows>(made(RowsOf::pairs, 1, true, at(products).trained), {products});
}
RowProgram::Value RowProgram::move(Value products, Value w) {
    return push<MoveRows>(made(RowsOf::squares, 1, true, true), {products, w});
}
RowProgram::Value RowProgram::layer_norm(const std::string&, Value x) {
    RATIOFARM_EXPECT(false);
    return x;
}
RowProgram::Value RowProgram::mean_of_neighbours(Value x) {
    RATIOFARM_EXPECT(false);
    return x;
}

bool RowProgram::of_events(const RowOp& op) const {
    return std::ranges::all_of(op.inputs(),
                               [&](Value value) { return at(value).rows == RowsOf::events; });
}

/// Gradients by values live from the last operation that reads a value, which comes first, to the
/// one that made it: few memories serve them all.
void RowProgram::plan_flows() {
    std::vector<std::size_t> free;
    const auto take = [&](RowValue& value) {
        const auto fits = [&](std::size_t flow) {
            return flow_rows_[flow] == value.rows && flows_[flow].stride() == value.stride();
        };
        const auto found = std::ranges::find_if(free, fits);
        if (found == free.end()) {
            flows_.emplace_back(value.stride());
            flow_rows_.push_back(value.rows);
            value.flow = flows_.size() - 1;
        } else {
            value.flow = *found;
            free.erase(found);
        }
        value.wanted = true;
    };
    take(values_[logit_]);
    for (const auto& op : ops_ | std::views::reverse) {
        if (!at(op->output()).trained) continue;
        RATIOFARM_EXPECT(at(op->output()).wanted);
        for (std::size_t input = 0; input < op->inputs().size(); ++input) {
            RowValue& value = values_[op->inputs()[input]];
            if (!value.trained) continue;
            op->set_add(input, value.wanted);
            if (!value.wanted) take(value);
        }
        if (at(op->output()).rows != RowsOf::events) free.push_back(at(op->output()).flow);
    }
}

std::size_t RowProgram::first_row(Value value) const {
    return at(value).rows == RowsOf::events ? first_event_ : 0;
}

std::size_t RowProgram::rows(Value value) const {
    switch (at(value).rows) {
        case RowsOf::events: return events_;
        case RowsOf::particles: return chunk_.rows();
        case RowsOf::pairs: return chunk_.pairs;
        case RowsOf::squares: return chunk_.squares;
    }
    return 0;
}

Block<float> RowProgram::slope(Value value) const {
    const RowMemory& memory = at(value).slope;
    return memory.stride() > 0 ? memory.from(first_row(value)) : Block<float>{};
}

Block<float> RowProgram::flow(Value value) const {
    return flows_[at(value).flow].from(first_row(value));
}

void RowProgram::take_weights(const float* parameters) {
    for (const auto& op : ops_) op->take_weights(parameters);
}

void RowProgram::select_events(std::size_t first, std::size_t count) {
    first_event_ = first;
    events_ = count;
}

/// \return the first event behind the chunk
std::size_t RowProgram::load(Block<const float> events, std::size_t count, std::size_t first) {
    reader_.take(events, count, first, rows_of_chunk, chunk_);
    select_events(first, chunk_.events());
    for (Value value = 0; value < values_.size(); ++value) {
        if (at(value).rows == RowsOf::events) continue;
        values_[value].value.ensure(rows(value));
        if (at(value).slope.stride() > 0) values_[value].slope.ensure(rows(value));
        if (trains_ && at(value).wanted) flows_[at(value).flow].ensure(rows(value));
    }
    reader_.columns(events, chunk_, value(particles_));
    if (pairs_) reader_.products(events, chunk_, value(products_).data);
    return first + chunk_.events();
}

void RowProgram::forward_chunk() {
    for (const auto& op : ops_) {
        if (!of_events(*op)) op->forward(*this);
    }
}

void RowProgram::forward(Block<const float> events, std::size_t count, float* logits) {
    select_events(0, count);
    for (std::size_t event = 0; event < count; ++event) {
        std::copy_n(events.row(event), inputs_, value(features_).row(event));
        value(count_).data[event] = events.row(event)[inputs_];
    }
    loaded_ = 0;
    for (std::size_t first = 0; first < count; ++loaded_) {
        first = load(events, count, first);
        forward_chunk();
    }
    select_events(0, count);
    for (const auto& op : ops_) {
        if (of_events(*op)) op->forward(*this);
    }
    std::copy_n(value(logit_).data, count, logits);
}

void RowProgram::backward(Block<const float> events,
                          std::size_t count,
                          const float* logit_gradient,
                          float* gradient) {
    for (const auto& op : ops_) op->clear_gradient();
    select_events(0, count);
    std::copy_n(logit_gradient, count, flow(logit_).data);
    const auto back = [&](bool of_events_only) {
        for (const auto& op : ops_ | std::views::reverse) {
            if (of_events(*op) == of_events_only && at(op->output()).trained) op->backward(*this);
        }
    };
    back(true);
    // What a chunk kept is in the cache when it is made again, and in memory if it were stored.
    for (std::size_t first = 0; first < count;) {
        if (loaded_ > 1) {
            first = load(events, count, first);
            forward_chunk();
        } else {
            select_events(0, count);
            first = count;
        }
        back(false);
    }
    for (const auto& op : ops_) op->give_gradient(gradient);
}

}  // namespace ratiofarm::trainer
