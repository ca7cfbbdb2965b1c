#include "row_kernel.hpp"

#include "core/instruction_set.hpp"

namespace ratiofarm::trainer {

const RowKernel& row_kernel() {
    return RATIOFARM_COMPILED_FOR(widest_instructions(), row_kernel());
}

}  // namespace ratiofarm::trainer
