#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/contracts.hpp"

/// The words that stand for enumerators in campaign files and in attributes of tables; one list
/// serves reading and writing.
namespace ratiofarm {

/// Specialised where the enumeration is known, with a list `words` of (enumerator, word).
template <class E>
struct EnumWords;

template <class E>
std::string word_of(E value) {
    const auto& words = EnumWords<E>::words;
    const auto found = std::find_if(words.begin(), words.end(),
                                    [&](const auto& entry) { return entry.first == value; });
    RATIOFARM_EXPECT(found != words.end());
    return std::string(found->second);
}

template <class E>
std::vector<std::string> words_of() {
    std::vector<std::string> words;
    for (const auto& entry : EnumWords<E>::words) words.emplace_back(entry.second);
    return words;
}

/// The enumerator of a word, if it is one.
template <class E>
std::optional<E> enumerator_of(std::string_view word) {
    for (const auto& [value, spelled] : EnumWords<E>::words) {
        if (spelled == word) return value;
    }
    return std::nullopt;
}

}  // namespace ratiofarm
