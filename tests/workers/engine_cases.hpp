#pragma once

#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "protocol/network_kinds.hpp"
#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/net_pack_engines.hpp"

/// Small nets and events that every engine is tried on.
namespace ratiofarm::test {

using namespace trainer;

inline constexpr std::int64_t capacity = 64;

inline Network some_network(NetworkKind kind, Activation activation) {
    return {.kind = kind, .inputs = 3, .hidden = {8, 8, 5, 7, 7}, .activation = activation};
}

/// Events of all nets of a pack, each net with its own.
struct Events {
    at::Tensor features;  ///< [nets, n, inputs]
    at::Tensor positive;  ///< [nets, n]
    at::Tensor total;     ///< [nets, n], some negative
};

inline Events some_events(std::int64_t nets,
                          std::int64_t n,
                          std::int64_t inputs,
                          at::ScalarType type) {
    auto generator = at::detail::createCPUGenerator(17);
    const auto options = at::TensorOptions().dtype(at::kDouble);
    const at::Tensor total = at::randn({nets, n}, generator, options) + 0.8;
    return {at::randn({nets, n, inputs}, generator, options).to(type),
            (total * at::rand({nets, n}, generator, options)).to(type), total.to(type)};
}

struct Case {
    Network network;
    PackOptions options;
    at::ScalarType type = at::kFloat;
};

enum class Path { autograd, written, cpu, particles, chosen };

inline std::unique_ptr<NetPack> empty_pack(const Case& of, Path path) {
    const auto device = at::TensorOptions().dtype(of.type);
    switch (path) {
        case Path::autograd: return make_autograd_pack(of.network, of.options, device);
        case Path::written: return make_written_pack(of.network, of.options, device);
        case Path::cpu: return make_cpu_pack(of.network, of.options);
        case Path::particles: return make_particle_pack(of.network, of.options, device);
        case Path::chosen: break;
    }
    return make_net_pack(of.network, of.options, device);
}

/// A pack whose weights depend on the net's number and the network alone.
inline std::unique_ptr<NetPack> make(Case of, Path path) {
    of.options.capacity = capacity;
    auto pack = empty_pack(of, path);
    const auto layout = parameter_layout(of.network);
    for (std::int64_t net = 0; net < of.options.nets; ++net) {
        auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(100 + net));
        for (std::size_t block = 2; block < layout.size(); ++block) {
            const auto size = static_cast<std::int64_t>(layout[block].size());
            const auto inputs = static_cast<double>(layout[block].shape.back());
            pack->parameters()[net]
                .narrow(0, static_cast<std::int64_t>(layout[block].offset - layout[2].offset), size)
                .copy_(at::randn({size}, generator, at::TensorOptions(at::kDouble)) /
                       std::sqrt(inputs));
        }
    }
    pack->parameters_changed();
    return pack;
}

/// Sums of the loss, [nets]; fills the gradient.
inline std::vector<double> pass(NetPack& pack, const Events& events) {
    const c10::InferenceMode no_autograd;
    CrossEntropy loss(events.total.size(0), capacity, events.total.options());
    const at::Tensor& logits = pack.forward(events.features);
    loss.add(logits, events.positive, events.total);
    pack.backward(events.features, loss.gradient(logits, events.positive, events.total));
    return loss.sums();
}

inline double relative_difference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

/// Those that look at features only; those of particle lists are in trainer_particle_nets.
inline auto all_kinds() { return GENERATE(NetworkKind::mlp, NetworkKind::residual_mlp); }

inline auto all_activations() {
    return GENERATE(Activation::relu, Activation::silu, Activation::tanh, Activation::gelu);
}

}  // namespace ratiofarm::test
