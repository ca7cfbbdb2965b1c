#include "table_tensor.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {
void copy_to(const at::Tensor& tensor, std::span<const float> values) {
    RATIOFARM_EXPECT(tensor.numel() == std::ssize(values));
    auto* data = const_cast<float*>(values.data());  // from_blob wants it; only read
    tensor.copy_(at::from_blob(data, {std::ssize(values)}, at::kFloat));
}

std::vector<float> copy_from(const at::Tensor& tensor) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    const auto* data = host.const_data_ptr<float>();
    return {data, data + host.numel()};
}

}  // namespace ratiofarm::trainer
