#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/physics/coefficient.hpp"

namespace ratiofarm {

/// A number as TOML writes it: the shortest text that reads back to the same bits; always
/// recognisable as a floating-point number ("1.0", "1e-07").
std::string toml_text(double number);

/// A basic string with quotes and escapes.
std::string toml_text(std::string_view text);

std::string toml_text(const Coefficient& coefficient);
std::string toml_text(const std::vector<double>& numbers);
std::string toml_text(const std::vector<std::uint32_t>& numbers);
std::string toml_text(const std::vector<std::string>& texts);

/// What TomlWriter::key() takes.
template <class T>
concept TomlValue = std::is_arithmetic_v<T> || std::is_enum_v<T> ||
    std::is_same_v<T, std::optional<double>> || requires(const T& value) {
    toml_text(value);
};

/// Collects sections and keys of a TOML file.
class TomlWriter {
public:
    void section(const std::string& header) {
        text_ += (text_.empty() ? "" : "\n") + header + "\n";
    }
    void raw(const std::string& key, const std::string& value) {
        text_ += key + " = " + value + "\n";
    }

    /// Whole sections, as another function wrote them.
    void verbatim(const std::string& sections) { text_ += (text_.empty() ? "" : "\n") + sections; }

    template <TomlValue T>
    void key(const std::string& name, const T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            raw(name, value ? "true" : "false");
        } else if constexpr (std::is_integral_v<T>) {
            raw(name, std::to_string(value));
        } else if constexpr (std::is_enum_v<T>) {
            raw(name, toml_text(word_of(value)));
        } else if constexpr (std::is_same_v<T, std::optional<double>>) {
            if (value) key(name, *value);
        } else {
            raw(name, toml_text(value));
        }
    }

    /// The keys of a struct that a resolved campaign has.
    /// \param inherited  what a table without these keys reads as, if not the defaults
    template <class T>
    void keys(const T& value, const T* inherited = nullptr) {
        for_each_field(value, [&](std::string_view name, const auto& member, const Key& about) {
            if (!about.in_campaign || !about.useless.empty()) return;
            if (!about.written && !differs(name, member, inherited)) return;
            if constexpr (TomlValue<std::decay_t<decltype(member)>>) key(std::string(name), member);
        });
    }

    const std::string& text() const { return text_; }

private:
    template <class Member, class T>
    static bool differs(std::string_view name, const Member& member, const T* inherited) {
        bool result = false;
        if (inherited == nullptr) return false;
        for_each_field(*inherited, [&](std::string_view other, const auto& old, const Key&) {
            if constexpr (std::is_same_v<std::decay_t<decltype(old)>, Member>) {
                if (other == name) result = !(old == member);
            }
        });
        return result;
    }

    std::string text_;
};

using NamedNumbers = std::vector<std::pair<std::string, double>>;

/// A name as a key: quoted where it is more than a word.
std::string key_text(const std::string& name);

/// "{ S = 1.0, B = 2.0, more }"
std::string inline_table(const NamedNumbers& entries, const std::string& more = "");

}  // namespace ratiofarm
