#include "step_kernel.hpp"

#include "core/instruction_set.hpp"

namespace ratiofarm::trainer {

const StepKernel& step_kernel() {
    return RATIOFARM_COMPILED_FOR(widest_instructions(), step_kernel());
}

}  // namespace ratiofarm::trainer
