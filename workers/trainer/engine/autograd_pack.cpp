#include <algorithm>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/AutogradState.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/particle_row.hpp"

#include "net_pack_engines.hpp"
#include "tensor_graph.hpp"

namespace ratiofarm::trainer {
namespace {

/// Events that are done together; depends on the network only, and so do the bits.
std::int64_t events_together(const Network& network, std::int64_t nets, std::int64_t capacity) {
    if (!reads_particles(network.kind)) return capacity;
    const double bytes = 4.0 * static_cast<double>(nets) * pass_numbers(network);
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(most_pass_bytes / bytes), 1,
                                    capacity);
}

/// Ordinary tensors and a recorded graph, also where the caller works in inference mode.
class Recording {
    c10::InferenceMode ordinary_{false};
    c10::AutoGradMode record_{true};
};

class AutogradPack : public NetPack {
public:
    AutogradPack(const Network& network,
                 const PackOptions& options,
                 const c10::TensorOptions& device)
        : network_(network),
          options_(options),
          together_(events_together(network, options.nets, options.capacity)),
          dropout_{.share = options.dropout} {
        const c10::InferenceMode ordinary(false);
        const auto size = static_cast<std::int64_t>(trainable_size(network));
        parameters_ = at::zeros({options.nets, size}, device);
        if (options.use == PackUse::train) gradient_ = at::zeros_like(parameters_);
    }

    const at::Tensor& parameters() const override { return parameters_; }
    void parameters_changed() override {}
    const at::Tensor& gradient() const override { return gradient_; }
    void set_running(const std::vector<bool>&) override {}
    bool repeats() const override { return false; }
    void set_dropout(std::span<const std::uint64_t> keys) override {
        dropout_.keys.assign(keys.begin(), keys.end());
    }

    const at::Tensor& forward(const at::Tensor& inputs) override {
        const Recording recording;
        recorded_.reset();
        if (inputs.size(1) <= together_) {
            record(inputs);
            logits_ = recorded_.detach();
            return logits_;
        }
        const c10::AutoGradMode quiet(false);
        std::vector<at::Tensor> parts;
        for_parts(inputs, [&](std::int64_t first, std::int64_t events) {
            record(inputs.narrow(1, first, events));
            parts.push_back(recorded_);
        });
        recorded_.reset();
        logits_ = at::cat(parts, 1);
        return logits_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        RATIOFARM_EXPECT(options_.use == PackUse::train && logits_.defined() &&
                         inputs.size(1) == logits_.size(1));
        const Recording recording;
        if (recorded_.defined()) {
            recorded_.backward(logit_gradient.clone());
            take_gradient();
            return;
        }
        gradient_.zero_();
        for_parts(inputs, [&](std::int64_t first, std::int64_t events) {
            record(inputs.narrow(1, first, events));
            recorded_.backward(logit_gradient.narrow(1, first, events).clone());
            const c10::AutoGradMode quiet(false);
            gradient_.add_(leaf_.grad());
        });
        recorded_.reset();
    }

private:
    /// The logits of some events with the graph of their computation, where one is kept.
    void record(const at::Tensor& inputs) {
        leaf_ = parameters_.clone().requires_grad_(options_.use == PackUse::train);
        // Training is a function of the batch; an evaluated event has the same bits in any company.
        const Slots slots = options_.use == PackUse::train ? Slots::used : Slots::all;
        recorded_ =
            tensor_logits(network_, options_.precision, leaf_, inputs.clone(), slots, dropout_);
        if (network_.outputs == 1) recorded_ = recorded_.squeeze(2);
    }

    void take_gradient() {
        const c10::AutoGradMode quiet(false);
        gradient_.copy_(leaf_.grad());
        recorded_.reset();
    }

    template <class Action>
    void for_parts(const at::Tensor& inputs, Action&& action) const {
        for (std::int64_t first = 0; first < inputs.size(1); first += together_) {
            action(first, std::min(together_, inputs.size(1) - first));
        }
    }

    Network network_;
    PackOptions options_;
    std::int64_t together_;
    Dropout dropout_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor leaf_;      ///< parameters of the last pass
    at::Tensor recorded_;  ///< its logits with their graph
    at::Tensor logits_;
};

}  // namespace

std::unique_ptr<NetPack> make_autograd_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions& device) {
    return std::make_unique<AutogradPack>(network, options, device);
}

}  // namespace ratiofarm::trainer
