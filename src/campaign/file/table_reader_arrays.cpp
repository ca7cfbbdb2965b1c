// The array-valued keys of TableReader.
#include "table_reader.hpp"

namespace ratiofarm {
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
