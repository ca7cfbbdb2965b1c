#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/particle_row.hpp"

#include "net_pack_engines.hpp"
#include "row_program.hpp"

namespace ratiofarm::trainer {
namespace {

/// One net.
class ParticlePack : public NetPack {
public:
    ParticlePack(const Network& network, const PackOptions& options)
        : row_(static_cast<std::int64_t>(event_size(network))),
          capacity_(options.capacity),
          program_(
              network, static_cast<std::size_t>(options.capacity), options.use == PackUse::train),
          parameters_(
              at::zeros({1, static_cast<std::int64_t>(trainable_size(network))}, at::kFloat)),
          logits_(at::zeros({options.capacity}, at::kFloat)) {
        if (options.use == PackUse::train) gradient_ = at::zeros_like(parameters_);
    }

    const at::Tensor& parameters() const override { return parameters_; }
    const at::Tensor& gradient() const override { return gradient_; }
    void parameters_changed() override {
        program_.take_weights(parameters_.const_data_ptr<float>());
    }
    void set_running(const std::vector<bool>&) override {}

    const at::Tensor& forward(const at::Tensor& inputs) override {
        const std::int64_t n = inputs.size(1);
        RATIOFARM_EXPECT(n > 0 && n <= capacity_);
        view_ = logits_.narrow(0, 0, n).view({1, n});
        program_.forward(events_of(inputs), static_cast<std::size_t>(n),
                         view_.mutable_data_ptr<float>());
        return view_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        RATIOFARM_EXPECT(gradient_.defined() && logit_gradient.is_contiguous() &&
                         logit_gradient.sizes() == view_.sizes());
        program_.backward(events_of(inputs), static_cast<std::size_t>(inputs.size(1)),
                          logit_gradient.const_data_ptr<float>(),
                          gradient_.mutable_data_ptr<float>());
    }

private:
    Block<const float> events_of(const at::Tensor& inputs) const {
        RATIOFARM_EXPECT(inputs.dim() == 3 && inputs.size(0) == 1 && inputs.size(2) == row_ &&
                         inputs.stride(2) == 1);
        return {inputs.const_data_ptr<float>(), static_cast<std::size_t>(inputs.stride(1))};
    }

    std::int64_t row_;
    std::int64_t capacity_;
    RowProgram program_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor logits_;
    at::Tensor view_;  ///< of the last pass
};

}  // namespace

bool has_particle_pack(const Network& network, const PackOptions& options) {
    return has_row_program(network) && options.precision != Precision::bf16;
}

std::unique_ptr<NetPack> make_particle_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions&) {
    RATIOFARM_EXPECT(has_particle_pack(network, options) && options.nets == 1);
    return std::make_unique<ParticlePack>(network, options);
}

}  // namespace ratiofarm::trainer
