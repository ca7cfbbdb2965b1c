#include "mixture_kernel.hpp"

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

ShardKernel choose_kernel(InstructionSet wanted) {
#ifdef RATIOFARM_X86_KERNELS
    const bool any = wanted == InstructionSet::automatic;
    if ((any || wanted == InstructionSet::avx512) && __builtin_cpu_supports("avx512f")) {
        return avx512_kernel();
    }
    if (wanted != InstructionSet::portable && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma")) {
        return avx2_kernel();
    }
#else
    static_cast<void>(wanted);
#endif
    return portable_kernel();
}

}  // namespace ratiofarm
