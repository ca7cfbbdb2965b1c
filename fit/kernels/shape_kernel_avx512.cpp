#define RATIOFARM_LANE_WIDTH 8
#include "shape_sums.hpp"

namespace ratiofarm {

ShapeKernels avx512_shape_kernels() { return all_kernels(); }

}  // namespace ratiofarm
