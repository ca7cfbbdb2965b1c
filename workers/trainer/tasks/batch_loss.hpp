#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "workers/trainer/events/pack_batches.hpp"

namespace c10 {
struct TensorOptions;
}

namespace ratiofarm::trainer {

/// What a pack of nets is trained to make small on batches.
class BatchLoss {
public:
    BatchLoss() = default;
    BatchLoss(const BatchLoss&) = delete;
    BatchLoss& operator=(const BatchLoss&) = delete;
    virtual ~BatchLoss() = default;

    /// Adds the losses of a batch to the sums. \param logits  as NetPack::forward() gives them
    virtual void add(const at::Tensor& logits, const Batch& batch) = 0;

    /// Derivatives of (batch sum) / n by each logit; contiguous, valid until the next call.
    virtual const at::Tensor& gradient(const at::Tensor& logits, const Batch& batch) = 0;

    /// [nets]
    virtual std::vector<double> sums() const = 0;
    virtual void set_sums(std::span<const double> sums) = 0;
};

/// CrossEntropy of a ratio, SoftmaxCrossEntropy of a network with several outputs.
/// \param capacity  most events of one batch, for each net
std::unique_ptr<BatchLoss> make_batch_loss(const Network& network,
                                           std::int64_t nets,
                                           std::int64_t capacity,
                                           const c10::TensorOptions& options);

}  // namespace ratiofarm::trainer
