#include "step_kernel.hpp"

namespace ratiofarm {

const StepKernel& step_kernel() {
#ifdef RATIOFARM_X86_KERNELS
    if (__builtin_cpu_supports("avx512f")) return avx512_step_kernel();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_step_kernel();
#endif
    return portable_step_kernel();
}

}  // namespace ratiofarm
