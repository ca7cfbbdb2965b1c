#include "ensemble_passes.hpp"

#include <algorithm>

#include <ATen/core/Tensor.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/particle_row.hpp"
#include "workers/trainer/engine/net_pack.hpp"
#include "workers/trainer/engine/step_kernel.hpp"

#include "table_tensor.hpp"

namespace ratiofarm::trainer {

PassShape pass_shape(const Network& network, DeviceKind device) {
    if (device == DeviceKind::cuda) return {.events = 32768, .nets = 8, .passes = 16};
    // What a narrow net works on then stays in the second-level cache; a wide one, which reads its
    // weights from memory in every pass, wants to do so for many events.
    const bool narrow = std::ranges::max(network.hidden) <= 512;
    return narrow ? PassShape{.events = 512, .nets = 1, .passes = 64}
                  : PassShape{.events = 2048, .nets = 1, .passes = 16};
}

struct EnsemblePasses::Buffers {
    PassShape shape;
    Network network;
    std::unique_ptr<NetPack> pack;
    at::Tensor features;  ///< [block, inputs], raw
    at::Tensor shift;     ///< [nets, 1, inputs]
    at::Tensor scale;
    at::Tensor scaled;  ///< [nets, events, inputs]
};

EnsemblePasses::EnsemblePasses(const Network& network, Precision precision, DeviceKind device)
    : EnsemblePasses(network, precision, device, pass_shape(network, device)) {}

EnsemblePasses::EnsemblePasses(const Network& network,
                               Precision precision,
                               DeviceKind device,
                               PassShape shape)
    : buffers_(std::make_unique<Buffers>()) {
    Buffers& buffers = *buffers_;
    const auto options = float_on(device);
    const auto inputs = static_cast<std::int64_t>(event_size(network));
    buffers.network = network;
    buffers.shape = shape;
    buffers.pack = make_net_pack(network,
                                 {.nets = shape.nets,
                                  .capacity = shape.events,
                                  .use = PackUse::evaluate,
                                  .precision = precision},
                                 options);
    buffers.features = at::zeros({shape.block(), inputs}, options);
    buffers.shift = at::zeros({shape.nets, 1, inputs}, options);
    buffers.scale = at::zeros({shape.nets, 1, inputs}, options);
    buffers.scaled = at::zeros({shape.nets, shape.events, inputs}, options);
}

EnsemblePasses::~EnsemblePasses() = default;

const PassShape& EnsemblePasses::shape() const { return buffers_->shape; }

void EnsemblePasses::set_nets(std::span<const std::span<const float>> rows) {
    Buffers& buffers = *buffers_;
    RATIOFARM_EXPECT(std::ssize(rows) <= buffers.shape.nets);
    const std::size_t inputs = scaled_inputs(buffers.network);
    for (std::int64_t net = 0; net < std::ssize(rows); ++net) {
        const auto row = rows[static_cast<std::size_t>(net)];
        copy_to(buffers.shift[net][0], for_event(buffers.network, row.first(inputs), 0.0F));
        copy_to(buffers.scale[net][0],
                for_event(buffers.network, row.subspan(inputs, inputs), 1.0F));
        copy_to(buffers.pack->parameters()[net], row.subspan(2 * inputs));
    }
    buffers.pack->parameters_changed();
}

void EnsemblePasses::set_events(std::span<const float> features) {
    const at::Tensor& all = buffers_->features;
    const std::int64_t events = std::ssize(features) / all.size(1);
    copy_to(all.narrow(0, 0, events).view({-1}), features);
    // What pads the last pass is finite, so that nothing slows down over it.
    all.narrow(0, events, all.size(0) - events).zero_();
}

std::vector<float> EnsemblePasses::logits(std::int64_t pass) {
    Buffers& buffers = *buffers_;
    RATIOFARM_EXPECT(pass < buffers.shape.passes);
    const at::Tensor events =
        buffers.features.narrow(0, pass * buffers.shape.events, buffers.shape.events);
    if (events.is_cpu()) {
        for (std::int64_t net = 0; net < buffers.shape.nets; ++net) {
            step_kernel().gather({.table = events.const_data_ptr<float>(),
                                  .width = static_cast<std::size_t>(events.size(1)),
                                  .count = static_cast<std::size_t>(events.size(0)),
                                  .shift = buffers.shift[net].const_data_ptr<float>(),
                                  .scale = buffers.scale[net].const_data_ptr<float>(),
                                  .result = buffers.scaled[net].mutable_data_ptr<float>()});
        }
    } else {
        at::sub_out(buffers.scaled, events.unsqueeze(0), buffers.shift);
        buffers.scaled.mul_(buffers.scale);
    }
    return copy_from(buffers.pack->forward(buffers.scaled));
}

}  // namespace ratiofarm::trainer
