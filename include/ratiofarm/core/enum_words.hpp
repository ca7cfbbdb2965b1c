#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

template <class... Word>
constexpr std::array<std::string_view, sizeof...(Word)> words(Word... word) {
    return {word...};
}

/// The words of enumerators in campaign files, in attributes of tables and in JSON, in
/// the order of the enumerators. The list is beside its enumeration, and nowhere else:
///
///     enum class Keep : std::uint8_t { best, last };
///     template <>
///     inline constexpr auto enum_words<Keep> = words("best", "last");
template <class E>
inline constexpr std::array<std::string_view, 0> enum_words{};

template <class E>
std::string word_of(E value) {
    const auto index = static_cast<std::size_t>(value);
    RATIOFARM_EXPECT(index < enum_words<E>.size());
    return std::string(enum_words<E>[index]);
}

template <class E>
std::vector<std::string> words_of() {
    return {enum_words<E>.begin(), enum_words<E>.end()};
}

/// The enumerator of a word, if it is one.
template <class E>
std::optional<E> enumerator_of(std::string_view word) {
    const auto found = std::find(enum_words<E>.begin(), enum_words<E>.end(), word);
    if (found == enum_words<E>.end()) return std::nullopt;
    return static_cast<E>(found - enum_words<E>.begin());
}

}  // namespace ratiofarm
