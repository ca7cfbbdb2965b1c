#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ratiofarm {

/// The allowed word nearest to a mistyped one (edit distance at most a third of its length).
std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> allowed);

/// "; did you mean 'epochs'?" or nothing: the tail of an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string> allowed);

}  // namespace ratiofarm
