#define RATIOFARM_LANE_WIDTH 4
#include "mixture_kernel_lanes.hpp"

namespace ratiofarm {

ShardKernels avx2_kernels() { return {sum_shard<double>, sum_shard<float>}; }

}  // namespace ratiofarm
