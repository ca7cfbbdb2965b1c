#include "table_reader.hpp"

#include <algorithm>
#include <cctype>

#include "campaign/ensemble_spec.hpp"
#include "core/suggest.hpp"

#include "campaign_keys.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

std::string list_text(std::span<const std::string> words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

bool is_known(std::string_view name, std::span<const std::string> names) {
    return std::ranges::any_of(
        names, [&](const std::string& known) { return known == name || known.empty(); });
}

std::string known_names(std::string_view name, std::span<const std::string> known) {
    const std::string hint = did_you_mean(name, known);
    return hint.empty() && !known.empty() ? "; known are " + list_text(known) : hint;
}

bool Mistakes::about(std::string_view path) const {
    return std::ranges::any_of(entries_,
                               [&](const Entry& entry) { return entry.message.starts_with(path); });
}

std::vector<std::string> Mistakes::lines(std::string_view source) const {
    std::vector<Entry> sorted = entries_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
        return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    std::vector<std::string> lines;
    for (const Entry& entry : sorted) {
        std::string line(source);
        if (entry.at.line > 0) {
            line += ":" + std::to_string(entry.at.line) + ":" + std::to_string(entry.at.column);
        }
        lines.push_back(line + ": " + entry.message);
    }
    return lines;
}

namespace {

constexpr std::size_t longest_name = 100;  // it becomes part of a file name

/// Letters, digits and `others`, the first one a letter, digit or _.
bool is_name_of(std::string_view name, std::string_view others) {
    const auto alphanumeric = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0;
    };
    return !name.empty() && (name.front() == '_' || alphanumeric(name.front())) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return alphanumeric(c) || others.find(c) != std::string_view::npos;
           });
}

}  // namespace

bool is_plain_name(std::string_view name) {
    return name.size() <= longest_name && is_name_of(name, "_.+-");
}

bool is_process_name(std::string_view name) {
    return is_name_of(name, "_.+-/ ") && name.back() != ' ' &&
           file_word(name).size() <= longest_name;
}

std::optional<double> read_number(const ConfigNode& node,
                                  const NumberLimits& limits,
                                  const std::string& path,
                                  Mistakes& mistakes) {
    const auto* whole = node.get_if<std::int64_t>();
    const auto* number = node.get_if<double>();
    if (whole != nullptr || number != nullptr) {
        const double value = whole != nullptr ? static_cast<double>(*whole) : *number;
        if (limits.allow(value)) return value;
    }
    mistakes.wrong(node, path, "must be " + limits.text());
    return std::nullopt;
}

std::optional<std::uint64_t> read_whole(const ConfigNode& node,
                                        WholeLimits limits,
                                        const std::string& path,
                                        Mistakes& mistakes) {
    const auto* value = node.get_if<std::int64_t>();
    if (value != nullptr && *value >= 0) {
        const auto number = static_cast<std::uint64_t>(*value);
        if (number >= limits.low && number <= limits.high) return number;
    }
    mistakes.wrong(node, path, "must be " + limits.text());
    return std::nullopt;
}

TableReader::TableReader(const ConfigNode* table,
                         std::string_view section,
                         std::string path,
                         Mistakes& mistakes)
    : table_(table), section_(section), path_(std::move(path)), mistakes_(mistakes) {
    if (table == nullptr) return;
    const auto* members = table->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        mistakes_.wrong(*table, path_,
                        "must be a table with the keys " + list_text(campaign_keys(section)));
        table_ = nullptr;
        is_table_ = false;
        return;
    }
    const auto known = campaign_keys(section);
    for (const ConfigMember& member : *members) {
        if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
        const bool scalar = member.value.get_if<ConfigNode::Table>() == nullptr &&
                            member.value.get_if<ConfigNode::Array>() == nullptr;
        mistakes_.add(member.position, this->path(member.key) +
                                           (scalar ? " = " + value_text(member.value) : "") +
                                           " (unknown key" + known_names(member.key, known) + ")");
    }
}

std::string TableReader::path(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const ConfigNode* TableReader::find(std::string_view key) const {
    const auto known = campaign_keys(section_);
    RATIOFARM_EXPECT(std::find(known.begin(), known.end(), key) != known.end());
    const ConfigMember* member = table_ == nullptr ? nullptr : table_->find(key);
    return member == nullptr ? nullptr : &member->value;
}

const ConfigNode* TableReader::require(std::string_view key, std::string_view example) const {
    const ConfigNode* node = find(key);
    if (node == nullptr && is_table_) {
        mistakes_.add(table_ == nullptr ? Position{} : table_->position,
                      path(key) + " is missing (" + std::string(example) + ")");
    }
    return node;
}

void TableReader::wrong(std::string_view key, const std::string& why) const {
    const ConfigNode* node = find(key);
    if (node != nullptr) return mistakes_.wrong(*node, path(key), why);
    mistakes_.add(table_ == nullptr ? Position{} : table_->position,
                  path(key) + " is not given (" + why + ")");
}

bool TableReader::text(std::string_view key, std::string& target) const {
    const ConfigNode* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->get_if<std::string>();
    if (value == nullptr || value->empty()) {
        mistakes_.wrong(*node, path(key), "must be a text in quotes, not empty");
        return false;
    }
    target = *value;
    return true;
}

bool TableReader::name(std::string_view key, std::string& target) const {
    return named(key, target, is_plain_name, plain_name_rule);
}

bool TableReader::process_name(std::string_view key, std::string& target) const {
    return named(key, target, is_process_name, process_name_rule);
}

bool TableReader::named(std::string_view key,
                        std::string& target,
                        bool (*is_good)(std::string_view),
                        std::string_view rule) const {
    std::string value;
    if (!text(key, value)) return false;
    if (!is_good(value)) {
        wrong(key, "must be a name: " + std::string(rule));
        return false;
    }
    target = std::move(value);
    return true;
}

bool TableReader::flag(std::string_view key, bool& target) const {
    const ConfigNode* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->get_if<bool>();
    if (value == nullptr) {
        mistakes_.wrong(*node, path(key), "must be true or false");
        return false;
    }
    target = *value;
    return true;
}

bool TableReader::number(std::string_view key, const NumberLimits& limits, double& target) const {
    const ConfigNode* node = find(key);
    if (node == nullptr) return false;
    const auto value = read_number(*node, limits, path(key), mistakes_);
    if (value) target = *value;
    return value.has_value();
}

bool TableReader::whole(std::string_view key, WholeLimits limits, std::uint64_t& target) const {
    const ConfigNode* node = find(key);
    if (node == nullptr) return false;
    const auto value = read_whole(*node, limits, path(key), mistakes_);
    if (value) target = *value;
    return value.has_value();
}

bool TableReader::whole(std::string_view key, WholeLimits limits, std::uint32_t& target) const {
    RATIOFARM_EXPECT(limits.high <= std::numeric_limits<std::uint32_t>::max());
    std::uint64_t value = target;
    const bool good = whole(key, limits, value);
    target = static_cast<std::uint32_t>(value);
    return good;
}

std::optional<std::size_t> TableReader::word_index(std::string_view key,
                                                   const std::vector<std::string>& words) const {
    const ConfigNode* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->get_if<std::string>();
    if (value != nullptr) {
        const auto found = std::find(words.begin(), words.end(), *value);
        if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    }
    mistakes_.wrong(*node, path(key),
                    (words.size() > 1 ? "must be one of " : "must be ") + list_text(words) +
                        (value == nullptr ? "" : did_you_mean(*value, words)));
    return std::nullopt;
}

namespace {

/// Reads every item of an array; each wrong item is a mistake of its own.
template <class T, class ReadItem>
bool read_array(const TableReader& table,
                std::string_view key,
                std::string_view kind,
                ReadItem read_item,
                std::vector<T>& target) {
    const ConfigNode* node = table.find(key);
    if (node == nullptr) return false;
    const auto* items = node->get_if<ConfigNode::Array>();
    if (items == nullptr) {
        table.wrong(key, "must be an array of " + std::string(kind) + " in brackets");
        return false;
    }
    std::vector<T> values;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const std::string path = table.path(key) + "[" + std::to_string(i) + "]";
        if (const auto value = read_item((*items)[i], path))
            values.push_back(static_cast<T>(*value));
    }
    if (values.size() != items->size()) return false;
    target = std::move(values);
    return true;
}

}  // namespace

bool TableReader::numbers(std::string_view key,
                          const NumberLimits& limits,
                          std::vector<double>& target) const {
    const auto read_item = [&](const ConfigNode& item, const std::string& item_path) {
        return read_number(item, limits, item_path, mistakes_);
    };
    return read_array(*this, key, "numbers", read_item, target);
}

bool TableReader::wholes(std::string_view key,
                         WholeLimits limits,
                         std::vector<std::uint32_t>& target) const {
    RATIOFARM_EXPECT(limits.high <= std::numeric_limits<std::uint32_t>::max());
    const auto read_item = [&](const ConfigNode& item, const std::string& item_path) {
        return read_whole(item, limits, item_path, mistakes_);
    };
    return read_array(*this, key, "whole numbers", read_item, target);
}

bool TableReader::texts(std::string_view key, std::vector<std::string>& target) const {
    const auto read_item = [&](const ConfigNode& item,
                               const std::string& item_path) -> std::optional<std::string> {
        const auto* text = item.get_if<std::string>();
        if (text != nullptr && !text->empty()) return *text;
        mistakes_.wrong(item, item_path, "must be a text in quotes, not empty");
        return std::nullopt;
    };
    return read_array(*this, key, "texts", read_item, target);
}

}  // namespace ratiofarm
