#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/enum_words.hpp"

namespace ratiofarm {

/// Whether a line has the checksum that it ends with.
bool is_whole_line(std::string_view line);

/// Writes one line of the journal: a flat JSON object with its CRC-32 as the last member, without
/// the newline. An event lists its members by fields(archive, event), for writing and reading:
///
///     archive("name", event.name);
class LineWriter {
public:
    static constexpr bool reading = false;

    LineWriter(std::string_view event, std::uint64_t sequence);

    template <class T>
    void operator()(const char* key, const T& value) {
        if constexpr (std::is_same_v<T, Digest>) {
            object_[key] = value.hex();
        } else if constexpr (std::is_enum_v<T>) {
            object_[key] = word_of(value);
        } else {
            object_[key] = value;
        }
    }

    std::string finish() const;

private:
    nlohmann::ordered_json object_;
};

/// Reads one line of the journal. It keeps no JSON tree: a farm of 10^5 tasks is read at every
/// start.
class LineReader {
public:
    static constexpr bool reading = true;

    /// Nothing if the line is damaged or of another schema.
    static std::optional<LineReader> open(std::string_view line);

    std::string event() const;

    /// A member that is missing, or of another type, leaves the value as it is: older lines have
    /// fewer members. A word of no enumerator is that of the value 0. \throws DataError for a
    /// digest that is missing or none, and for a number that is not finite
    template <class T>
    void operator()(const char* key, T& value) const {
        const Value* member = find(key);
        const auto* text = std::get_if<std::string>(member);
        if constexpr (std::is_same_v<T, Digest>) {
            value = Digest::from_hex(text == nullptr ? std::string_view() : *text);
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (text != nullptr) value = *text;
        } else if constexpr (std::is_enum_v<T>) {
            if (text != nullptr) value = enumerator_of<T>(*text).value_or(T());
        } else if constexpr (std::is_same_v<T, bool>) {
            if (const auto* flag = std::get_if<bool>(member)) value = *flag;
        } else if constexpr (std::unsigned_integral<T>) {
            if (const auto* whole = std::get_if<std::uint64_t>(member)) {
                value = static_cast<T>(*whole);
            }
        } else {
            static_assert(std::is_same_v<T, double>);
            if (const auto* whole = std::get_if<std::uint64_t>(member)) {
                value = static_cast<double>(*whole);
            }
            if (const auto* number = std::get_if<double>(member)) value = finite(*number);
        }
    }

private:
    using Value = std::variant<std::monostate, bool, std::uint64_t, double, std::string>;
    class Collector;

    /// \throws DataError
    static double finite(double number);

    /// \return null if it is missing
    const Value* find(std::string_view key) const;

    std::vector<std::pair<std::string, Value>> members_;
    mutable std::size_t next_ = 0;  ///< members are mostly asked for in the order of the line
};

}  // namespace ratiofarm
