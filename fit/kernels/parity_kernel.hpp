#pragma once

#include <cstddef>
#include <cstdint>

namespace ratiofarm {

enum class InstructionSet : std::uint8_t;

/// Sums over events of ((up + down) / 2)^2 and ((up - down) / 2)^2, in whole units, so that any
/// order and any instruction set gives the same.
struct ParitySums {
    static constexpr double unit = 0x1p-24;
    std::uint64_t even = 0;
    std::uint64_t odd = 0;
};

/// \param up, down [n], ln g of an event, clipped here
/// \param mask [n], all bits for events that count, none for others
using ParityKernel = ParitySums (*)(const float* up,
                                    const float* down,
                                    const std::uint32_t* mask,
                                    std::size_t n);

/// What this machine can run, at most the instructions asked for.
ParityKernel choose_parity_kernel(InstructionSet wanted);

namespace portable {
ParityKernel parity_kernel();
}
namespace avx2 {
ParityKernel parity_kernel();
}
namespace avx512 {
ParityKernel parity_kernel();
}

}  // namespace ratiofarm
