#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/key.hpp"
#include "ratiofarm/core/wire.hpp"

#include "config_node.hpp"

namespace ratiofarm {

/// Everything that is wrong with a campaign file, collected so that all of it is reported at once.
class Mistakes {
public:
    void add(Position at, std::string message) { entries_.push_back({at, std::move(message)}); }

    /// "path = value (why)"
    void wrong(const ConfigNode& node, const std::string& path, const std::string& why) {
        add(node.position, path + " = " + value_text(node) + " (" + why + ")");
    }

    bool empty() const { return entries_.empty(); }
    /// Whether there is one about a key that begins so: what follows from such keys would be told
    /// of values that nobody wrote.
    bool about(std::string_view path) const;
    std::size_t size() const { return entries_.size(); }

    /// One line each, in the order of the file: "source:line:column: message".
    std::vector<std::string> lines(std::string_view source) const;

private:
    struct Entry {
        Position at;
        std::string message;
    };
    std::vector<Entry> entries_;
};

/// Whether it is one of the names, or may be one that could not be read and is empty.
bool is_known(std::string_view name, std::span<const std::string> names);

/// Tail of a message about a name that does not resolve: the nearest known one, or all of them.
std::string known_names(std::string_view name, std::span<const std::string> known);

/// What a name of a process, sample or campaign looks like; they become file and group names.
bool is_plain_name(std::string_view name);
inline constexpr std::string_view plain_name_rule =
    "letters, digits and _ . + - only, starting with a letter, digit or _";

/// What a name of a process looks like. Files are named after it, too, but by file_word().
bool is_process_name(std::string_view name);
inline constexpr std::string_view process_name_rule =
    "letters, digits, blanks and _ . + - / only, starting with a letter, digit or _ and not ending "
    "with a blank";

/// Reads one table of a campaign file by typed keys. A key that is absent leaves its target as it
/// was, which is how defaults work; a wrong one is added to the mistakes. Unknown keys are mistakes
/// from the start.
class TableReader {
public:
    /// \param table    null if the file has no such table: every key is then absent
    /// \param section  name in campaign_keys()
    /// \param path     shown in messages, "process.S"
    TableReader(const ConfigNode* table,
                std::string_view section,
                std::string path,
                Mistakes& mistakes);

    bool present() const { return table_ != nullptr; }
    const std::string& path() const { return path_; }
    std::string path(std::string_view key) const;
    Mistakes& mistakes() const { return mistakes_; }

    /// Value of a key; null if absent. The key must be one of the section.
    const ConfigNode* find(std::string_view key) const;

    /// Adds a mistake unless the key exists. \param example "for example epochs = 60"
    const ConfigNode* require(std::string_view key, std::string_view example) const;

    /// Adds a mistake "path = value (why)" about a key, or "path is not given (why)".
    void wrong(std::string_view key, const std::string& why) const;

    bool text(std::string_view key, std::string& target) const;
    bool name(std::string_view key, std::string& target) const;  ///< text that is_plain_name
    bool process_name(std::string_view key, std::string& target) const;  ///< is_process_name
    bool flag(std::string_view key, bool& target) const;
    bool number(std::string_view key, const NumberLimits& limits, double& target) const;
    bool numbers(std::string_view key,
                 const NumberLimits& limits,
                 std::vector<double>& target) const;
    bool texts(std::string_view key, std::vector<std::string>& target) const;
    bool whole(std::string_view key, WholeLimits limits, std::uint64_t& target) const;
    bool whole(std::string_view key, WholeLimits limits, std::uint32_t& target) const;
    bool wholes(std::string_view key, WholeLimits limits, std::vector<std::uint32_t>& target) const;

    /// One of the words of an enumeration.
    template <class E>
    bool word(std::string_view key, E& target) const {
        const auto index = word_index(key, words_of<E>());
        if (index) target = static_cast<E>(*index);
        return index.has_value();
    }

    /// A key of any of these types, as its description says. \return whether it was there and good
    template <class T>
    bool read(std::string_view key, const Key& about, T& target) const {
        if constexpr (std::is_same_v<T, bool>) {
            return flag(key, target);
        } else if constexpr (std::is_integral_v<T>) {
            return whole(key, about.whole, target);
        } else if constexpr (std::is_same_v<T, double>) {
            return number(key, about.number, target);
        } else if constexpr (std::is_enum_v<T>) {
            return word(key, target);
        } else if constexpr (std::is_same_v<T, std::string>) {
            return about.is_name ? name(key, target) : text(key, target);
        } else if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
            return wholes(key, about.whole, target);
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
            return numbers(key, about.number, target);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            return texts(key, target);
        } else if constexpr (std::is_same_v<T, std::optional<double>>) {
            double value = 0.0;
            if (!number(key, about.number, value)) return false;
            target = value;
            return true;
        } else {
            RATIOFARM_EXPECT(about.by_hand);
            return false;
        }
    }

    /// Index of a key's text in a list of allowed words, if it is one of them.
    std::optional<std::size_t> word_index(std::string_view key,
                                          const std::vector<std::string>& words) const;

private:
    bool named(std::string_view key,
               std::string& target,
               bool (*is_good)(std::string_view),
               std::string_view rule) const;

    const ConfigNode* table_;
    bool is_table_ = true;  ///< or absent
    std::string_view section_;
    std::string path_;
    Mistakes& mistakes_;
};

/// Names of keys that were there and good.
class KeysRead {
public:
    void add(std::string_view key) { keys_.push_back(key); }
    bool has(std::string_view key) const { return std::ranges::count(keys_, key) > 0; }

private:
    std::vector<std::string_view> keys_;
};

/// Reads the keys of a table into the struct whose `fields` describe them, but for those that are
/// left to the code of the section.
template <class T>
KeysRead read_keys(const TableReader& table, T& target) {
    KeysRead good;
    for_each_field(target, [&](std::string_view name, auto& member, const Key& key) {
        if (!key.in_campaign) return;
        if (!key.required.empty()) table.require(name, key.required);
        if (key.by_hand) return;
        if (!key.useless.empty() && table.find(name) != nullptr)
            table.wrong(name, std::string(key.useless));
        if (table.read(name, key, member)) good.add(name);
    });
    return good;
}

/// The value as a number (whole numbers are numbers, too) within its limits.
/// Adds a mistake and returns nothing otherwise.
std::optional<double> read_number(const ConfigNode& node,
                                  const NumberLimits& limits,
                                  const std::string& path,
                                  Mistakes& mistakes);

std::optional<std::uint64_t> read_whole(const ConfigNode& node,
                                        WholeLimits limits,
                                        const std::string& path,
                                        Mistakes& mistakes);

}  // namespace ratiofarm
