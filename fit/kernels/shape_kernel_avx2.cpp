#define RATIOFARM_LANE_WIDTH 4
#include "shape_sums.hpp"

namespace ratiofarm {

ShapeKernels avx2_shape_kernels() { return all_kernels(); }

}  // namespace ratiofarm
