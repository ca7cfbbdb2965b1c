#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ratiofarm::trainer {

/// What the weights of a net become; nothing, as a rule.
struct Poison {
    std::optional<float> weights;
    operator bool() const { return weights.has_value(); }  // NOLINT(google-explicit-constructor)
};

/// Faults on purpose, for tests of the whole program. The variable RATIOFARM_FAILPOINT lists them:
///
///     TASK:PLACE[@COUNT]=FAULT[;...]      "S/member 1:step@40=abort;*:begin=hang"
///
/// TASK     name of the task, or * for all
/// PLACE    begin, step, save (before a checkpoint is written), publish (before the result is),
///          published (after it, before anyone knows)
/// COUNT    steps done, at `step`; without it every time
/// FAULT    abort, hang, slow (50 ms), out_of_memory, nan and zero (at `step`: what all weights
///          become), count (no fault: a byte more in a file of this process,
///          $RATIOFARM_FAILPOINT_COUNTS.<pid>)
///
/// Does what the list says for this place; nothing, in a few nanoseconds, without the variable.
/// \return what only the training itself can do
/// \throws std::bad_alloc for out_of_memory
/// \throws ConfigError if the variable cannot be read
Poison fail_on_purpose(std::string_view task, std::string_view place, std::uint64_t count = 0);

}  // namespace ratiofarm::trainer
