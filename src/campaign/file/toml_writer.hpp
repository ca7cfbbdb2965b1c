#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "toml_text.hpp"

namespace ratiofarm {

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

    template <class T>
    void key(const std::string& name, const T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            raw(name, value ? "true" : "false");
        } else if constexpr (std::is_integral_v<T>) {
            raw(name, std::to_string(value));
        } else if constexpr (std::is_enum_v<T>) {
            raw(name, toml_text(word_of(value)));
        } else {
            raw(name, toml_text(value));
        }
    }

    const std::string& text() const { return text_; }

private:
    std::string text_;
};

using NamedNumbers = std::vector<std::pair<std::string, double>>;

/// A name as a key: quoted where it is more than a word.
std::string key_text(const std::string& name);

/// "{ S = 1.0, B = 2.0, more }"
std::string inline_table(const NamedNumbers& entries, const std::string& more = "");

/// [network] or [training], or a table of another section with their keys.
void write_network(TomlWriter& out, const std::string& table, const Network& network);
void write_training(TomlWriter& out, const std::string& table, const TrainingOptions& training);

}  // namespace ratiofarm
