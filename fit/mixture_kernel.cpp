#include "mixture_kernel.hpp"

namespace ratiofarm {

ShardKernels choose_kernels(InstructionSet wanted) {
#ifdef RATIOFARM_X86_KERNELS
    const bool any = wanted == InstructionSet::automatic;
    if ((any || wanted == InstructionSet::avx512) && __builtin_cpu_supports("avx512f")) {
        return avx512_kernels();
    }
    if (wanted != InstructionSet::portable && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma")) {
        return avx2_kernels();
    }
#else
    static_cast<void>(wanted);
#endif
    return portable_kernels();
}

}  // namespace ratiofarm
