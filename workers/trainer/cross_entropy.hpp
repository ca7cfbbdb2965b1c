#pragma once

#include <cstdint>
#include <memory>

namespace at {
class Tensor;
}
namespace c10 {
struct TensorOptions;
}

namespace ratiofarm {

/// Weighted binary cross-entropy on logits z with labels y: sum_i w_i (softplus(z_i) - y_i z_i).
/// The sum over batches is kept on the device, in double precision.
class CrossEntropy {
public:
    CrossEntropy(std::int64_t capacity, const c10::TensorOptions& options);
    ~CrossEntropy();

    /// Adds the batch to the sum. All [n], n <= capacity.
    void add(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights);

    /// Gradient of (batch sum) / n by each logit, w (sigmoid(z) - y) / n. With a mean weight of 1
    /// over all events, dividing by n instead of the batch's own weight keeps steps unbiased.
    const at::Tensor& gradient(const at::Tensor& logits,
                               const at::Tensor& labels,
                               const at::Tensor& weights);

    /// Waits for the device.
    double sum() const;
    void set_sum(double sum);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

}  // namespace ratiofarm
