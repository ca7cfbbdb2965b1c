#define RATIOFARM_LANE_WIDTH 8
#include "mixture_kernel_lanes.hpp"

namespace ratiofarm {

ShardKernels avx512_kernels() { return {sum_shard<double>, sum_shard<float>}; }

}  // namespace ratiofarm
