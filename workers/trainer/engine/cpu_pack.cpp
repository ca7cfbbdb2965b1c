#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "cpu_net.hpp"
#include "net_pack_engines.hpp"

namespace ratiofarm::trainer {
namespace {

/// Zeros [nets, size]. Each row begins at a multiple of 64 bytes, as that of a net alone does: BLAS
/// may choose a kernel, and with it the order of sums, by where its operands lie.
at::Tensor rows_of_nets(std::int64_t nets, std::int64_t size) {
    const auto stride = static_cast<std::int64_t>(padded<float>(static_cast<std::size_t>(size)));
    return at::zeros({nets, stride}, at::kFloat).narrow(1, 0, size);
}

float* row_of(const at::Tensor& rows, std::int64_t net) {
    return rows.mutable_data_ptr<float>() + net * rows.stride(0);
}

template <class T>
class CpuPack : public NetPack {
public:
    CpuPack(const Network& network, const PackOptions& options)
        : inputs_(static_cast<std::int64_t>(scaled_inputs(network))),
          capacity_(options.capacity),
          parameters_(
              rows_of_nets(options.nets, static_cast<std::int64_t>(trainable_size(network)))),
          logits_(at::zeros({options.nets * options.capacity}, at::kFloat)),
          running_(static_cast<std::size_t>(options.nets), true) {
        const bool trains = options.use == PackUse::train;
        if (trains) gradient_ = rows_of_nets(options.nets, parameters_.size(1));
        for (std::int64_t net = 0; net < options.nets; ++net) {
            nets_.emplace_back(network, options, row_of(parameters_, net),
                               trains ? row_of(gradient_, net) : nullptr);
        }
    }

    const at::Tensor& parameters() const override { return parameters_; }
    const at::Tensor& gradient() const override { return gradient_; }
    void set_running(const std::vector<bool>& running) override {
        RATIOFARM_EXPECT(running.size() == nets_.size());
        running_ = running;
    }
    void parameters_changed() override {
        for (auto& net : nets_) net.parameters_changed();
    }

    const at::Tensor& forward(const at::Tensor& inputs) override {
        const std::int64_t n = inputs.size(1);
        RATIOFARM_EXPECT(inputs.dim() == 3 && inputs.size(0) == std::ssize(nets_) &&
                         inputs.size(2) == inputs_ && n > 0 && n <= capacity_);
        if (!view_.defined() || view_.size(1) != n) {
            view_ = logits_.narrow(0, 0, std::ssize(nets_) * n).view({std::ssize(nets_), n});
        }
        for_running([&](std::size_t net) {
            nets_[net].forward(
                rows_of(inputs, net), static_cast<std::size_t>(n),
                view_.mutable_data_ptr<float>() + static_cast<std::int64_t>(net) * n);
        });
        return view_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        const std::int64_t n = inputs.size(1);
        RATIOFARM_EXPECT(gradient_.defined() && logit_gradient.is_contiguous() &&
                         logit_gradient.size(0) == std::ssize(nets_) &&
                         logit_gradient.size(1) == n);
        for_running([&](std::size_t net) {
            nets_[net].backward(
                static_cast<std::size_t>(n),
                logit_gradient.const_data_ptr<float>() + static_cast<std::int64_t>(net) * n);
        });
    }

private:
    template <class Work>
    void for_running(const Work& work) const {
        for (std::size_t net = 0; net < nets_.size(); ++net) {
            if (running_[net]) work(net);
        }
    }

    static Block<const float> rows_of(const at::Tensor& inputs, std::size_t net) {
        RATIOFARM_EXPECT(inputs.stride(2) == 1 || inputs.size(2) == 1);
        return {inputs.const_data_ptr<float>() + static_cast<std::int64_t>(net) * inputs.stride(0),
                static_cast<std::size_t>(inputs.stride(1))};
    }

    std::int64_t inputs_;
    std::int64_t capacity_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor logits_;
    at::Tensor view_;  ///< [nets, n] of the last pass
    std::vector<bool> running_;
    std::vector<CpuNet<T>> nets_;
};

}  // namespace

bool has_cpu_pack(const Network& network, const PackOptions&) {
    return has_written_step(network.kind) && network.activation != Activation::gelu;
}

std::unique_ptr<NetPack> make_cpu_pack(const Network& network, const PackOptions& options) {
    RATIOFARM_EXPECT(has_cpu_pack(network, options));
    if (options.precision == Precision::bf16) {
        return std::make_unique<CpuPack<Bf16>>(network, options);
    }
    return std::make_unique<CpuPack<float>>(network, options);
}

}  // namespace ratiofarm::trainer
