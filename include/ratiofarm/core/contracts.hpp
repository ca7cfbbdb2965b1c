#pragma once

#include <source_location>

namespace ratiofarm::detail {

/// Prints the violated contract with its place and aborts: a bug, never a user's mistake.
[[noreturn]] void contract_violated(const char* condition, std::source_location where);

}  // namespace ratiofarm::detail

/// What a caller must guarantee. Always on; the condition must have no side effects.
#define RATIOFARM_EXPECT(condition) \
    ((condition)                    \
         ? void()                   \
         : ::ratiofarm::detail::contract_violated(#condition, std::source_location::current()))

/// The variant for inner loops: dropped when NDEBUG is defined.
#ifdef NDEBUG
#define RATIOFARM_HOT_EXPECT(condition) void()
#else
#define RATIOFARM_HOT_EXPECT(condition) RATIOFARM_EXPECT(condition)
#endif
