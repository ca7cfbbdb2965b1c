#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace at {
class Tensor;
}
namespace c10 {
struct TensorOptions;
}
namespace ratiofarm::trainer {

/// Weighted binary cross-entropy on logits z, for each net of a pack. An event has the weights
/// `positive` of class 1 and `total` of both classes:
/// loss_i = total_i softplus(z_i) - positive_i z_i.
/// The sums over batches are kept on the device, in double precision, one per net.
class CrossEntropy {
public:
    /// \param capacity  most events of one batch, for each net
    CrossEntropy(std::int64_t nets, std::int64_t capacity, const c10::TensorOptions& options);
    ~CrossEntropy();

    /// Adds the batch to the sums. All [nets, n], n <= capacity; the weights may be strided.
    void add(const at::Tensor& logits, const at::Tensor& positive, const at::Tensor& total);

    /// Gradient of (batch sum) / n by each logit, (total sigmoid(z) - positive) / n. With a mean
    /// weight of 1 over all events, dividing by n instead of the batch's own weight keeps steps
    /// unbiased.
    /// \return [nets, n], contiguous, valid until the next call
    const at::Tensor& gradient(const at::Tensor& logits,
                               const at::Tensor& positive,
                               const at::Tensor& total);

    /// One per net. Waits for the device.
    std::vector<double> sums() const;

    /// \param sums  [nets]
    void set_sums(std::span<const double> sums);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

/// Those of [nets, ...] that are worked on together.
using NetsTogether = std::function<at::Tensor(const at::Tensor& all)>;

/// work(part) for the nets of a pack. On a CPU that is one net at a time: LibTorch computes what
/// its whole vectors leave over by other functions, whose last bit can differ, so that in a loop
/// over all nets the bits of one would depend on how many there are. Alone a net is the whole
/// tensor.
void for_nets_in_turn(const at::Tensor& of_pack,
                      const std::function<void(const NetsTogether& part)>& work);

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

}  // namespace ratiofarm::trainer
