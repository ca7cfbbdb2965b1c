#include <algorithm>

#include "ratiofarm/fit/likelihood.hpp"

#include "core/instruction_set.hpp"

#include "mixture_kernel.hpp"
#include "parity_kernel.hpp"
#include "shape_kernel.hpp"

namespace ratiofarm {
namespace {

/// What this machine can run, at most the instructions asked for.
VectorInstructions at_most(InstructionSet wanted) {
    switch (wanted) {
        case InstructionSet::automatic:
        case InstructionSet::avx512: return widest_instructions();
        case InstructionSet::portable: return VectorInstructions::portable;
        case InstructionSet::avx2:
        case InstructionSet::textbook: break;
    }
    return std::min(widest_instructions(), VectorInstructions::avx2);
}

}  // namespace

ShardKernel choose_kernel(InstructionSet wanted) {
    return RATIOFARM_COMPILED_FOR(at_most(wanted), mixture_kernel());
}

ParityKernel choose_parity_kernel(InstructionSet wanted) {
    return RATIOFARM_COMPILED_FOR(at_most(wanted), parity_kernel());
}

ShapeKernels choose_shape_kernels(InstructionSet wanted) {
    return RATIOFARM_COMPILED_FOR(at_most(wanted), shape_kernels());
}

}  // namespace ratiofarm
