#pragma once

#include <span>
#include <vector>

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

/// Copies between host and device. Sizes must agree.
void copy_to(const at::Tensor& tensor, std::span<const float> values);
std::vector<float> copy_from(const at::Tensor& tensor);

}  // namespace ratiofarm::trainer
