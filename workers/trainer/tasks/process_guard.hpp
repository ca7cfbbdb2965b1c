#pragma once

namespace ratiofarm {

/// Ties this process to the one that started it: killed when that one dies, deaf to the signals
/// that a terminal or a batch system sends to all (the supervisor decides what they mean).
/// \return false if the parent died before the tie was made
bool tie_to_parent();

}  // namespace ratiofarm
