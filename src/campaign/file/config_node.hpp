#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ratiofarm {

/// Place in a campaign file, both counted from 1; line 0 means the file as a whole.
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

struct ConfigMember;

/// One value of a campaign file with its place: a plain copy of what the TOML library read, so that
/// the library stays in one source file.
struct ConfigNode {
    using Table = std::vector<ConfigMember>;  ///< in the order of the file
    using Array = std::vector<ConfigNode>;
    struct Date {};  ///< TOML dates and times: no key takes one

    std::variant<Table, Array, std::string, std::int64_t, double, bool, Date> value;
    Position position;

    template <class T>
    const T* get_if() const {
        return std::get_if<T>(&value);
    }

    /// Member of a table; null if there is none or this is no table.
    const ConfigMember* find(std::string_view key) const;
};

struct ConfigMember {
    std::string key;
    Position position;  ///< of the key
    ConfigNode value;
};

/// \param source name of the file, for the message
/// \throws ConfigError with file, line and column if the text is not TOML
ConfigNode parse_toml(std::string_view text, std::string_view source);

/// The value as it would stand in a file, on one line, for messages and comparison.
std::string value_text(const ConfigNode& node);

/// One value of a file with its whole key path, "training.epochs" and "60".
struct ConfigEntry {
    std::string path;
    std::string value;
};

/// Every value of a table with its path, in the order of the file. Elements of an array of tables
/// are called by their `name`: "process.S.yield".
std::vector<ConfigEntry> flatten(const ConfigNode& root);

}  // namespace ratiofarm
