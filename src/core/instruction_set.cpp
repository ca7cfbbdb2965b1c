#include "core/instruction_set.hpp"

namespace ratiofarm {

VectorInstructions widest_instructions() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        return __builtin_cpu_supports("avx512f") ? VectorInstructions::avx512
                                                 : VectorInstructions::avx2;
    }
#endif
    return VectorInstructions::portable;
}

}  // namespace ratiofarm
