#define RATIOFARM_LANE_WIDTH 4
#include "mixture_kernel_lanes.hpp"

namespace ratiofarm {

ShardKernel avx2_kernel() { return sum_shard; }

}  // namespace ratiofarm
