#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace at {
class Tensor;
}
namespace c10 {
struct TensorOptions;
}

namespace ratiofarm {

/// Weighted cross-entropy of a classifier on logits z_k, for each net of a pack. An event has the
/// weight w_k in class k: loss_i = sum_k w_ik (ln sum_l exp z_il - z_ik). The sums over batches are
/// kept on the device, in double precision, one per net.
class SoftmaxCrossEntropy {
public:
    SoftmaxCrossEntropy(std::int64_t nets, const c10::TensorOptions& options);
    ~SoftmaxCrossEntropy();

    /// Adds the batch to the sums. \param logits, weights  [nets, n, classes]
    void add(const at::Tensor& logits, const at::Tensor& weights);

    /// Gradient of (batch sum) / n by each logit, (sum_l w_l softmax(z)_k - w_k) / n.
    /// \return [nets, n, classes], contiguous, valid until the next call
    const at::Tensor& gradient(const at::Tensor& logits, const at::Tensor& weights);

    /// One per net. Waits for the device.
    std::vector<double> sums() const;

    /// \param sums  [nets]
    void set_sums(std::span<const double> sums);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

}  // namespace ratiofarm
