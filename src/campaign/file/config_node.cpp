#include "config_node.hpp"

#include <algorithm>

#include <toml++/toml.h>

#include "ratiofarm/core/errors.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

Position position_of(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

ConfigNode copy(const toml::node& node);

ConfigNode::Table copy_table(const toml::table& table) {
    ConfigNode::Table members;
    members.reserve(table.size());
    for (const auto& [key, value] : table) {
        members.push_back({std::string(key.str()), position_of(key.source()), copy(value)});
    }
    std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
        return std::pair(a.position.line, a.position.column) <
               std::pair(b.position.line, b.position.column);
    });
    return members;
}

ConfigNode copy(const toml::node& node) {
    ConfigNode result;
    result.position = position_of(node.source());
    if (const auto* table = node.as_table()) {
        result.value = copy_table(*table);
    } else if (const auto* array = node.as_array()) {
        ConfigNode::Array items;
        items.reserve(array->size());
        for (const toml::node& item : *array) items.push_back(copy(item));
        result.value = std::move(items);
    } else if (const auto* text = node.as_string()) {
        result.value = text->get();
    } else if (const auto* whole = node.as_integer()) {
        result.value = whole->get();
    } else if (const auto* number = node.as_floating_point()) {
        result.value = number->get();
    } else if (const auto* flag = node.as_boolean()) {
        result.value = flag->get();
    } else {
        result.value = ConfigNode::Date{};
    }
    return result;
}

struct ValueText {
    std::string operator()(const ConfigNode::Table& table) const {
        std::string text = "{";
        for (const ConfigMember& member : table) {
            text += (text.size() > 1 ? ", " : " ") + member.key + " = " + value_text(member.value);
        }
        return text + (table.empty() ? "}" : " }");
    }
    std::string operator()(const ConfigNode::Array& array) const {
        std::string text = "[";
        for (const ConfigNode& item : array)
            text += (text.size() > 1 ? ", " : "") + value_text(item);
        return text + "]";
    }
    std::string operator()(const std::string& text) const { return toml_text(text); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return toml_text(number); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(ConfigNode::Date) const { return "a date"; }
};

std::string join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

void flatten_into(const ConfigNode& node,
                  const std::string& path,
                  std::vector<ConfigEntry>& entries) {
    if (const auto* table = node.get_if<ConfigNode::Table>()) {
        for (const ConfigMember& member : *table) {
            flatten_into(member.value, join(path, member.key), entries);
        }
        return;
    }
    const auto* array = node.get_if<ConfigNode::Array>();
    const bool of_tables = array != nullptr && !array->empty() &&
                           array->front().get_if<ConfigNode::Table>() != nullptr;
    if (!of_tables) {
        entries.push_back({path, value_text(node)});
        return;
    }
    std::size_t number = 0;
    for (const ConfigNode& item : *array) {
        const ConfigMember* name = item.find("name");
        const auto* text = name == nullptr ? nullptr : name->value.get_if<std::string>();
        ++number;
        flatten_into(item, join(path, text == nullptr ? std::to_string(number) : *text), entries);
    }
}

}  // namespace

const ConfigMember* ConfigNode::find(std::string_view key) const {
    const auto* table = get_if<Table>();
    if (table == nullptr) return nullptr;
    const auto member = std::find_if(table->begin(), table->end(),
                                     [&](const ConfigMember& m) { return m.key == key; });
    return member == table->end() ? nullptr : &*member;
}

namespace {

/// Refuses keys of so many parts that tables within tables would exhaust the stack; nested values
/// are limited by toml++.
void expect_short_keys(std::string_view text, std::string_view source) {
    constexpr int most_dots = 30;
    int dots = 0;
    std::uint32_t line = 1;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') ++line;
        if (c == '#') {
            while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
        } else if (c == '"' || c == '\'') {
            const std::string three(3, c);
            const bool is_long = text.substr(i, three.size()) == three;
            const std::string_view end = is_long ? std::string_view(three) : text.substr(i, 1);
            for (i += end.size(); i < text.size() && text.substr(i, end.size()) != end; ++i) {
                if (text[i] == '\n') ++line;
                if (text[i] == '\\' && c == '"') ++i;
            }
            i += end.size() - 1;
        } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
            dots = 0;
        } else if (c == '.' && ++dots > most_dots) {
            throw ConfigError(std::string(source) + ":" + std::to_string(line) +
                              ": a key of more than " + std::to_string(most_dots) +
                              " parts (campaigns have at most 4)");
        }
    }
}

}  // namespace

ConfigNode parse_toml(std::string_view text, std::string_view source) {
    expect_short_keys(text, source);
    try {
        return copy(toml::parse(text, source));
    } catch (const toml::parse_error& error) {
        const Position at = position_of(error.source());
        throw ConfigError(std::string(source) + ":" + std::to_string(at.line) + ":" +
                          std::to_string(at.column) +
                          ": not valid TOML: " + std::string(error.description()));
    }
}

std::string value_text(const ConfigNode& node) { return std::visit(ValueText{}, node.value); }

std::vector<ConfigEntry> flatten(const ConfigNode& root) {
    std::vector<ConfigEntry> entries;
    flatten_into(root, "", entries);
    return entries;
}

}  // namespace ratiofarm
