#define RATIOFARM_LANE_WIDTH 8
#include "mixture_kernel_lanes.hpp"

namespace ratiofarm {

ShardKernel avx512_kernel() { return sum_shard; }

}  // namespace ratiofarm
