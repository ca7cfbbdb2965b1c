#include "shape_kernel.hpp"

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

ShapeKernels choose_shape_kernels(InstructionSet wanted) {
#ifdef RATIOFARM_X86_KERNELS
    const bool any = wanted == InstructionSet::automatic;
    if ((any || wanted == InstructionSet::avx512) && __builtin_cpu_supports("avx512f")) {
        return avx512_shape_kernels();
    }
    if (wanted != InstructionSet::portable && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        return avx2_shape_kernels();
    }
#else
    static_cast<void>(wanted);
#endif
    return portable_shape_kernels();
}

}  // namespace ratiofarm
