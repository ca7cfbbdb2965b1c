#include "tensor_graph.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diag_embed.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hypot.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"
#include "protocol/particle_row.hpp"

#include "dropout_mask.hpp"

namespace ratiofarm::trainer {
namespace {

/// Below this a logarithm of a pair quantity says nothing more.
constexpr double least = 1e-8;

std::int64_t slots_of(const at::Tensor& x) { return x.size(2); }

/// Computes a kind of network with tensors: [nets, n, width], of particles [nets, n, slots, width],
/// of pairs [nets, n, slots, slots, width]. What is computed for padded slots is finite, and every
/// sum and mean leaves it out. See protocol/network_kinds.hpp for the operations.
class TensorGraph {
public:
    using Value = at::Tensor;

    /// \param flat    [nets, trainable_size]
    /// \param events  [nets, n, event_size()], scaled
    TensorGraph(const Network& network,
                Precision precision,
                const at::Tensor& flat,
                const at::Tensor& events,
                Slots slots,
                const Dropout& dropout);

    const Value& features() const { return features_; }

    Value linear(const std::string& name, const Value& x, std::uint32_t outputs) const;
    Value activate(const Value& x) const;
    static Value add(const Value& x, const Value& y) { return x.add(y); }
    Value layer_norm(const std::string& name, const Value& x) const;
    Value drop(std::size_t layer, const Value& x) const;

    const Value& count() const { return count_; }
    const Value& particles() const { return particles_; }
    Value products() const;
    Value pair_quantities() const;
    Value pair_linear(const std::string& name,
                      const Value& h,
                      const Value& x,
                      std::uint32_t outputs) const;
    Value diagonal_linear(const std::string& name, const Value& x, std::uint32_t outputs) const;
    Value powers(const std::string& name, const Value& x, std::uint32_t channels) const;
    static Value concat(std::initializer_list<Value> values);
    static Value psi(const Value& x);
    static Value gate(const Value& x, const Value& y);
    Value mean(const Value& x) const;
    Value sum(const Value& x) const;
    Value mean_of_partners(const Value& x) const;
    Value sum_of_partners(const Value& x) const;
    Value mean_of_neighbours(const Value& x) const;
    static Value own(const Value& x);
    static Value distances(const Value& products);
    Value move(const Value& products, const Value& w) const;
    Value attention(const Value& q, const Value& k, const Value& v, const Value& bias) const;
    Value aggregate(const Value& x) const;
    Value totals(const Value& x) const;
    Value masked(const Value& x) const { return x.mul(pairs_); }

private:
    void read_particles(const Network& network, const at::Tensor& events, Slots slots);
    at::Tensor block(const std::string& name) const;
    at::Tensor weight(const std::string& name, std::int64_t outputs) const;
    Value product(const Value& x, const Value& weight) const;
    Value per_typical(const Value& sum) const;
    at::Tensor angular_distances() const;

    std::vector<ParameterBlock> layout_;
    Activation activation_;
    Precision precision_;
    std::uint32_t neighbours_;
    std::uint32_t heads_;
    at::Tensor flat_;
    Dropout dropout_;
    at::Tensor features_;   ///< [nets, n, inputs]
    at::Tensor count_;      ///< [nets, n, 1] n / N0
    at::Tensor particles_;  ///< [nets, n, slots, columns]
    at::Tensor mask_;       ///< [nets, n, slots, 1] 1 for real particles
    at::Tensor pairs_;      ///< [nets, n, slots, slots, 1] 1 for pairs of them
    at::Tensor others_;     ///< the same without i = j
    at::Tensor number_;     ///< [nets, n, 1] of real particles, at least 1
    at::Tensor partners_;   ///< [nets, n, 1] number - 1, at least 1
    at::Tensor momenta_;    ///< f64 [nets, n, slots, 4]
};

TensorGraph::TensorGraph(const Network& network,
                         Precision precision,
                         const at::Tensor& flat,
                         const at::Tensor& events,
                         Slots slots,
                         const Dropout& dropout)
    : layout_(parameter_layout(network)),
      activation_(network.activation),
      precision_(precision),
      neighbours_(network.neighbours),
      heads_(network.heads),
      flat_(flat),
      dropout_(dropout),
      features_(events) {
    if (reads_particles(network.kind)) read_particles(network, events, slots);
}

void TensorGraph::read_particles(const Network& network, const at::Tensor& events, Slots slots) {
    const std::int64_t inputs = network.inputs;
    const auto size = static_cast<std::int64_t>(slot_size(network));
    const std::int64_t columns = std::ssize(network.particles);
    features_ = events.narrow(2, 0, inputs);
    count_ = events.narrow(2, inputs, 1);
    at::Tensor all = events.narrow(2, inputs + 1, network.max_particles * size)
                         .reshape({events.size(0), events.size(1), network.max_particles, size});
    if (slots == Slots::used && events.size(1) > 0) {
        const auto most = all.select(3, 0).sum(2).max().item<double>();
        const auto rounded = (static_cast<std::int64_t>(most) + 3) / 4 * 4;
        all = all.narrow(2, 0, std::clamp<std::int64_t>(rounded, 1, network.max_particles));
    }
    mask_ = all.narrow(3, 0, 1);
    particles_ = all.narrow(3, 1, columns).mul(mask_);
    if (reads_momenta(network.kind)) {
        const at::Tensor numbers = all.narrow(3, 1 + columns, 5).to(at::kDouble);
        momenta_ = at::cat(
            {numbers.narrow(3, 0, 1).add(numbers.narrow(3, 4, 1)), numbers.narrow(3, 1, 3)}, 3);
    }
    if (network.beams) {
        const auto two = [&](const at::Tensor& like) {
            return at::zeros({like.size(0), like.size(1), 2, like.size(3)}, like.options());
        };
        particles_ = at::cat({at::cat({particles_, at::zeros_like(mask_)}, 3),
                              at::cat({two(particles_), two(mask_).add(1.0)}, 3)},
                             2);
        mask_ = at::cat({mask_, two(mask_).add(1.0)}, 2);
        at::Tensor along = two(momenta_);
        along.select(3, 0).fill_(1.0);
        along.select(3, 3).select(2, 0).fill_(1.0);
        along.select(3, 3).select(2, 1).fill_(-1.0);
        momenta_ = at::cat({momenta_, along}, 2);
    }
    const at::Tensor number = mask_.sum(2);
    number_ = number.clamp_min(1.0);
    partners_ = number.sub(1.0).clamp_min(1.0);
    if (!reads_momenta(network.kind)) return;
    pairs_ = mask_.unsqueeze(3).mul(mask_.unsqueeze(2));
    const at::Tensor same = at::eye(slots_of(mask_), mask_.options()).unsqueeze(2);
    others_ = pairs_.mul(same.neg().add(1.0));
}

at::Tensor TensorGraph::block(const std::string& name) const {
    const auto found = std::ranges::find(layout_, name, &ParameterBlock::name);
    RATIOFARM_EXPECT(found != layout_.end());
    // The row begins with the two blocks of the scaling, which are not trained.
    return flat_.narrow(1, static_cast<std::int64_t>(found->offset - layout_[2].offset),
                        static_cast<std::int64_t>(found->size()));
}

/// [nets, outputs, inputs]
at::Tensor TensorGraph::weight(const std::string& name, std::int64_t outputs) const {
    return block(name + ".weight").view({flat_.size(0), outputs, -1});
}

at::Tensor TensorGraph::product(const Value& x, const Value& weight) const {
    if (precision_ != Precision::bf16) return at::matmul(x, weight);
    return at::matmul(x.to(at::kBFloat16), weight.to(at::kBFloat16)).to(x.scalar_type());
}

at::Tensor TensorGraph::linear(const std::string& name,
                               const Value& x,
                               std::uint32_t outputs) const {
    const at::Tensor rows = x.dim() == 3 ? x : x.reshape({x.size(0), -1, x.size(-1)});
    const at::Tensor result = product(rows, weight(name, outputs).transpose(1, 2))
                                  .add(block(name + ".bias").unsqueeze(1));
    if (x.dim() == 3) return result;
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = outputs;
    return result.view(shape);
}

at::Tensor TensorGraph::activate(const Value& x) const {
    switch (activation_) {
        case Activation::relu: return at::relu(x);
        case Activation::silu: return at::silu(x);
        case Activation::tanh: return at::tanh(x);
        case Activation::gelu: return at::gelu(x);
    }
    return x;
}

at::Tensor TensorGraph::drop(std::size_t layer, const Value& x) const {
    if (dropout_.keys.empty()) return x;
    return x.mul(dropout_mask(dropout_.share, dropout_.keys, layer, x));
}

at::Tensor TensorGraph::products() const {
    const at::Tensor metric = at::full({4}, -1.0, momenta_.options());
    metric.select(0, 0).fill_(1.0);
    return at::matmul(momenta_.mul(metric), momenta_.transpose(2, 3))
        .to(mask_.scalar_type())
        .unsqueeze(4);
}

/// Delta^2 in rapidity and azimuth; f64 [nets, n, slots, slots]
at::Tensor TensorGraph::angular_distances() const {
    const at::Tensor e = momenta_.select(3, 0);
    const at::Tensor pz = momenta_.select(3, 3);
    const at::Tensor y =
        e.add(pz).clamp_min(1e-12).log().sub(e.sub(pz).clamp_min(1e-12).log()).mul(0.5);
    const at::Tensor phi = at::atan2(momenta_.select(3, 2), momenta_.select(3, 1));
    const at::Tensor dy = y.unsqueeze(3).sub(y.unsqueeze(2));
    const at::Tensor turn = phi.unsqueeze(3).sub(phi.unsqueeze(2));
    const at::Tensor dphi = at::atan2(turn.sin(), turn.cos());
    return dy.square().add(dphi.square());
}

at::Tensor TensorGraph::pair_quantities() const {
    const at::Tensor pt = at::hypot(momenta_.select(3, 1), momenta_.select(3, 2));
    const at::Tensor low = at::minimum(pt.unsqueeze(3), pt.unsqueeze(2));
    const at::Tensor both = pt.unsqueeze(3).add(pt.unsqueeze(2));
    const at::Tensor delta = angular_distances().sqrt();
    const at::Tensor total = momenta_.unsqueeze(3).add(momenta_.unsqueeze(2)).square();
    const at::Tensor mass = total.select(4, 0).sub(total.narrow(4, 1, 3).sum(4));
    const auto log = [](const at::Tensor& x) { return x.clamp_min(least).log(); };
    return at::stack(
               {log(delta), log(low.mul(delta)), log(low.div(both.clamp_min(least))), log(mass)}, 4)
        .to(mask_.scalar_type())
        .mul(pairs_);
}

at::Tensor TensorGraph::pair_linear(const std::string& name,
                                    const Value& h,
                                    const Value& x,
                                    std::uint32_t outputs) const {
    const std::int64_t nets = h.size(0);
    const std::int64_t events = h.size(1);
    const std::int64_t slots = h.size(2);
    const std::int64_t width = h.size(3);
    const at::Tensor all = weight(name, outputs).transpose(1, 2);  // [nets, 2 width + q, outputs]
    const auto times = [&](const at::Tensor& value, std::int64_t first) {
        return product(value.reshape({nets, -1, value.size(-1)}),
                       all.narrow(1, first, value.size(-1)));
    };
    const at::Tensor to = times(h, 0).add(block(name + ".bias").unsqueeze(1));
    return times(x, 2 * width)
        .view({nets, events, slots, slots, outputs})
        .add(to.view({nets, events, slots, 1, outputs}))
        .add(times(h, width).view({nets, events, 1, slots, outputs}));
}

at::Tensor TensorGraph::diagonal_linear(const std::string& name,
                                        const Value& x,
                                        std::uint32_t outputs) const {
    const at::Tensor same = at::eye(slots_of(x), x.options()).unsqueeze(2);
    const at::Tensor bias = block(name + ".diagonal").view({x.size(0), 1, 1, 1, outputs});
    return linear(name, x, outputs).add(bias.mul(same));
}

at::Tensor TensorGraph::layer_norm(const std::string& name, const Value& x) const {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape.front() = x.size(0);
    shape.back() = x.size(-1);
    return at::layer_norm(x, {x.size(-1)})
        .mul(block(name + ".gain").view(shape))
        .add(block(name + ".offset").view(shape));
}

at::Tensor TensorGraph::powers(const std::string& name,
                               const Value& x,
                               std::uint32_t channels) const {
    const at::Tensor a = block(name + ".log_exponent").exp().view({x.size(0), 1, 1, 1, channels});
    return x.abs().log1p().mul(a).expm1().div(a).mul(x.sign());
}

at::Tensor TensorGraph::concat(std::initializer_list<Value> values) {
    return at::cat(std::vector<at::Tensor>(values), -1);
}

at::Tensor TensorGraph::psi(const Value& x) { return x.abs().log1p().mul(x.sign()); }

at::Tensor TensorGraph::gate(const Value& x, const Value& y) { return x.mul(at::sigmoid(y)); }

at::Tensor TensorGraph::mean(const Value& x) const { return x.mul(mask_).sum(2).div(number_); }

/// \param sum  over real particles [nets, n, ..., width]
at::Tensor TensorGraph::per_typical(const Value& sum) const {
    // 1 / N0 is count / n; what is summed over no particle is 0.
    at::Tensor factor = count_.div(number_);
    while (factor.dim() < sum.dim()) factor = factor.unsqueeze(2);
    return sum.mul(factor);
}

at::Tensor TensorGraph::sum(const Value& x) const { return per_typical(x.mul(mask_).sum(2)); }

at::Tensor TensorGraph::mean_of_partners(const Value& x) const {
    return x.mul(others_).sum(3).div(partners_.unsqueeze(2));
}

at::Tensor TensorGraph::sum_of_partners(const Value& x) const {
    return per_typical(x.mul(others_).sum(3));
}

at::Tensor TensorGraph::mean_of_neighbours(const Value& x) const {
    const std::int64_t others = slots_of(x) - 1;
    if (std::int64_t{neighbours_} >= others) return mean_of_partners(x);
    constexpr double far = std::numeric_limits<double>::max();
    const at::Tensor real = others_.squeeze(4).to(at::kBool);
    const at::Tensor distance = angular_distances().masked_fill(real.logical_not(), far);
    // Particles that are equally far are neighbours together: no order decides.
    const at::Tensor largest =
        std::get<0>(at::topk(distance, neighbours_, 3, false, true)).narrow(3, neighbours_ - 1, 1);
    const at::Tensor near = distance.le(largest).logical_and(real).to(x.scalar_type()).unsqueeze(4);
    return x.mul(near).sum(3).div(near.sum(3).clamp_min(1.0));
}

at::Tensor TensorGraph::own(const Value& x) { return x.diagonal(0, 2, 3).transpose(2, 3); }

at::Tensor TensorGraph::distances(const Value& products) {
    const at::Tensor square = own(products);
    return square.unsqueeze(3).add(square.unsqueeze(2)).sub(products.mul(2.0));
}

at::Tensor TensorGraph::move(const Value& products, const Value& w) const {
    const at::Tensor flow =
        w.mul(others_).div(partners_.unsqueeze(2).unsqueeze(3)).squeeze(4).mul(step_of_momenta);
    const at::Tensor same = at::eye(slots_of(products), products.options());
    const at::Tensor a = at::diag_embed(flow.sum(3)).sub(flow).add(same);
    return at::matmul(at::matmul(a, products.squeeze(4)), a.transpose(2, 3)).unsqueeze(4);
}

at::Tensor TensorGraph::attention(const Value& q,
                                  const Value& k,
                                  const Value& v,
                                  const Value& bias) const {
    const std::int64_t heads = heads_;
    const std::int64_t width = q.size(3) / heads;
    const auto cut = [&](const at::Tensor& x) {  // [nets, n, heads, slots, width of a head]
        return x.view({x.size(0), x.size(1), x.size(2), heads, width}).transpose(2, 3);
    };
    // Not -infinity: an event may have no particle at all.
    const at::Tensor closed = mask_.sub(1.0).mul(1e9).transpose(2, 3).unsqueeze(2);
    const at::Tensor score = at::matmul(cut(q), cut(k).transpose(3, 4))
                                 .div(std::sqrt(static_cast<double>(width)))
                                 .add(bias.permute({0, 1, 4, 2, 3}))
                                 .add(closed);
    const at::Tensor seen = at::matmul(at::softmax(score, 4), cut(v)).transpose(2, 3);
    return seen.reshape(q.sizes()).mul(mask_);
}

at::Tensor TensorGraph::aggregate(const Value& x) const {
    const auto over = [&](std::int64_t axis) { return per_typical(x.sum(axis)); };
    const at::Tensor rows = over(3);
    const at::Tensor columns = over(2);
    const at::Tensor diagonal = own(x);
    const at::Tensor trace = per_typical(diagonal.sum(2, true));
    const at::Tensor all = per_typical(rows.sum(2, true));
    const at::Tensor same = at::eye(slots_of(x), x.options()).unsqueeze(2);
    const auto on_diagonal = [&](const at::Tensor& y) { return y.unsqueeze(3).mul(same); };
    const auto along = [&](const at::Tensor& y) { return y.unsqueeze(3).expand_as(x); };
    const auto across = [&](const at::Tensor& y) { return y.unsqueeze(2).expand_as(x); };
    return at::cat(
        {x, x.transpose(2, 3), on_diagonal(diagonal), along(diagonal), across(diagonal),
         on_diagonal(columns), along(columns), across(columns), on_diagonal(rows), along(rows),
         across(rows), along(trace), on_diagonal(trace), along(all), on_diagonal(all)},
        4);
}

at::Tensor TensorGraph::totals(const Value& x) const {
    const at::Tensor all = per_typical(per_typical(x.sum(3)).sum(2));
    return at::cat({all, per_typical(own(x).sum(2))}, 2);
}

}  // namespace

at::Tensor tensor_logits(const Network& network,
                         Precision precision,
                         const at::Tensor& flat,
                         const at::Tensor& events,
                         Slots slots,
                         const Dropout& dropout) {
    TensorGraph graph(network, precision, flat, events, slots, dropout);
    return logit(graph, network, graph.features());
}

}  // namespace ratiofarm::trainer
