#pragma once

#include <cstdint>

namespace ratiofarm {

/// Instruction sets that kernels are compiled for (cmake/InstructionSets.cmake), from narrow to
/// wide.
enum class VectorInstructions : std::uint8_t { portable, avx2, avx512 };

/// The widest set that this machine can run.
VectorInstructions widest_instructions();

}  // namespace ratiofarm

/// Calls the function of the namespace portable, avx2 or avx512 that was compiled for a
/// VectorInstructions.
#ifdef RATIOFARM_X86_KERNELS
#define RATIOFARM_COMPILED_FOR(instructions, call)                            \
    ((instructions) == ::ratiofarm::VectorInstructions::avx512 ? avx512::call \
     : (instructions) == ::ratiofarm::VectorInstructions::avx2 ? avx2::call   \
                                                               : portable::call)
#else
#define RATIOFARM_COMPILED_FOR(instructions, call) (static_cast<void>(instructions), portable::call)
#endif
