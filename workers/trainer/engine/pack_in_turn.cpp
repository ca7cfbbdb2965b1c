#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/particle_row.hpp"

#include "net_pack_engines.hpp"

namespace ratiofarm::trainer {
namespace {

class PackInTurn : public NetPack {
public:
    PackInTurn(const Network& network,
               const PackOptions& options,
               const c10::TensorOptions& device,
               MakePack& engine)
        : outputs_(network.outputs), running_(static_cast<std::size_t>(options.nets), true) {
        const c10::InferenceMode ordinary(false);
        const auto size = static_cast<std::int64_t>(trainable_size(network));
        parameters_ = at::zeros({options.nets, size}, device);
        if (options.use == PackUse::train) gradient_ = at::zeros_like(parameters_);
        logits_ = at::zeros({options.nets * options.capacity * outputs_}, device);
        logit_gradient_ = at::zeros({options.capacity * outputs_}, device);
        const auto row = static_cast<std::int64_t>(event_size(network));
        PackOptions alone = options;
        alone.nets = 1;
        for (std::int64_t net = 0; net < options.nets; ++net) {
            nets_.push_back({.pack = engine(network, alone, device),
                             .memory = at::zeros({options.capacity * row}, device),
                             .inputs = {}});
        }
    }

    const at::Tensor& parameters() const override { return parameters_; }
    const at::Tensor& gradient() const override { return gradient_; }
    void set_running(const std::vector<bool>& running) override {
        RATIOFARM_EXPECT(running.size() == nets_.size());
        running_ = running;
    }

    void set_dropout(std::span<const std::uint64_t> keys) override {
        for (std::size_t net = 0; net < nets_.size(); ++net) {
            nets_[net].pack->set_dropout(keys.empty() ? keys : keys.subspan(net, 1));
        }
    }

    void parameters_changed() override {
        for (std::size_t net = 0; net < nets_.size(); ++net) {
            const auto row = static_cast<std::int64_t>(net);
            nets_[net].pack->parameters().copy_(parameters_.narrow(0, row, 1));
            nets_[net].pack->parameters_changed();
        }
    }

    const at::Tensor& forward(const at::Tensor& inputs) override {
        RATIOFARM_EXPECT(inputs.dim() == 3 && inputs.size(0) == std::ssize(nets_));
        const std::int64_t n = inputs.size(1);
        view_ = logits_.narrow(0, 0, std::ssize(nets_) * n * outputs_)
                    .view({std::ssize(nets_), n, outputs_});
        if (outputs_ == 1) view_ = view_.squeeze(2);
        for_running([&](Net& net, std::int64_t k) {
            net.inputs = front(net.memory, {1, n, inputs.size(2)});
            net.inputs.copy_(inputs.narrow(0, k, 1));
            view_.narrow(0, k, 1).copy_(net.pack->forward(net.inputs));
        });
        return view_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        RATIOFARM_EXPECT(gradient_.defined() && view_.defined() &&
                         inputs.size(1) == view_.size(1) &&
                         logit_gradient.sizes() == view_.sizes());
        for_running([&](Net& net, std::int64_t k) {
            const at::Tensor of_net = logit_gradient.narrow(0, k, 1);
            const at::Tensor mine = front(logit_gradient_, of_net.sizes());
            mine.copy_(of_net);
            net.pack->backward(net.inputs, mine);
            gradient_.narrow(0, k, 1).copy_(net.pack->gradient());
        });
    }

private:
    struct Net {
        std::unique_ptr<NetPack> pack;
        at::Tensor memory;  ///< [capacity * network.inputs]
        at::Tensor inputs;  ///< [1, n, network.inputs], of the last pass
    };

    /// Tensors begin lines of 64 bytes, their slices need not.
    static at::Tensor front(const at::Tensor& memory, at::IntArrayRef shape) {
        return memory.narrow(0, 0, c10::multiply_integers(shape)).view(shape);
    }

    template <class Work>
    void for_running(const Work& work) {
        for (std::size_t net = 0; net < nets_.size(); ++net) {
            if (running_[net]) work(nets_[net], static_cast<std::int64_t>(net));
        }
    }

    std::int64_t outputs_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor logits_;          ///< [nets * capacity * outputs]
    at::Tensor view_;            ///< of the last pass
    at::Tensor logit_gradient_;  ///< of one net
    std::vector<bool> running_;
    std::vector<Net> nets_;
};

}  // namespace

std::unique_ptr<NetPack> make_pack_in_turn(const Network& network,
                                           const PackOptions& options,
                                           const c10::TensorOptions& device,
                                           MakePack& engine) {
    return std::make_unique<PackInTurn>(network, options, device, engine);
}

}  // namespace ratiofarm::trainer
