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

}  // namespace ratiofarm
