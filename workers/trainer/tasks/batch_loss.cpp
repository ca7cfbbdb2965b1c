#include "batch_loss.hpp"

#include <ATen/core/Tensor.h>

#include "workers/trainer/engine/cross_entropy.hpp"

namespace ratiofarm::trainer {
namespace {

class RatioLoss : public BatchLoss {
public:
    RatioLoss(std::int64_t nets, std::int64_t capacity, const c10::TensorOptions& options)
        : loss_(nets, capacity, options) {}

    void add(const at::Tensor& logits, const Batch& batch) override {
        loss_.add(logits, *batch.positive, *batch.total);
    }
    const at::Tensor& gradient(const at::Tensor& logits, const Batch& batch) override {
        return loss_.gradient(logits, *batch.positive, *batch.total);
    }
    std::vector<double> sums() const override { return loss_.sums(); }
    void set_sums(std::span<const double> sums) override { loss_.set_sums(sums); }

private:
    CrossEntropy loss_;
};

class ClassLoss : public BatchLoss {
public:
    ClassLoss(std::int64_t nets, const c10::TensorOptions& options) : loss_(nets, options) {}

    void add(const at::Tensor& logits, const Batch& batch) override {
        loss_.add(logits, *batch.weights);
    }
    const at::Tensor& gradient(const at::Tensor& logits, const Batch& batch) override {
        return loss_.gradient(logits, *batch.weights);
    }
    std::vector<double> sums() const override { return loss_.sums(); }
    void set_sums(std::span<const double> sums) override { loss_.set_sums(sums); }

private:
    SoftmaxCrossEntropy loss_;
};

}  // namespace

std::unique_ptr<BatchLoss> make_batch_loss(const Network& network,
                                           std::int64_t nets,
                                           std::int64_t capacity,
                                           const c10::TensorOptions& options) {
    if (network.outputs > 1) return std::make_unique<ClassLoss>(nets, options);
    return std::make_unique<RatioLoss>(nets, capacity, options);
}

}  // namespace ratiofarm::trainer
