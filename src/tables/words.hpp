#pragma once

#include <string>
#include <string_view>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

/// The enumerator of a word of an attribute.
/// \throws DataError naming the attribute and what it may hold
template <class Enum>
Enum value_of(std::string_view word, std::string_view attribute) {
    if (const auto value = enumerator_of<Enum>(word)) return *value;
    throw DataError("attribute '" + std::string(attribute) + "' is '" + std::string(word) +
                    "', which is not known" + did_you_mean(word, words_of<Enum>()));
}

}  // namespace ratiofarm
