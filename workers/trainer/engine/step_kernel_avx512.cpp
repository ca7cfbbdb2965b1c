#include "step_kernel_lanes.hpp"

namespace ratiofarm {

const StepKernel& avx512_step_kernel() { return kernel_of_lanes; }

}  // namespace ratiofarm
