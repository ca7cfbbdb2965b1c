#include "json_text.hpp"

namespace ratiofarm {
namespace {

/// On one line; what is not UTF-8 becomes the sign that stands for that.
std::string text_of(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void write(const nlohmann::ordered_json& value, int expanded_depth, int indent, std::string& out) {
    if (expanded_depth == 0 || !value.is_structured() || value.empty()) {
        out += text_of(value);
        return;
    }
    out += value.is_object() ? "{" : "[";
    const std::string margin(static_cast<std::size_t>(indent) + 2, ' ');
    const char* separator = "\n";
    for (const auto& [key, entry] : value.items()) {
        out += separator + margin;
        if (value.is_object()) out += text_of(key) + ": ";
        write(entry, expanded_depth - 1, indent + 2, out);
        separator = ",\n";
    }
    out += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
    out += value.is_object() ? "}" : "]";
}

}  // namespace

std::string json_text(const nlohmann::ordered_json& value, int expanded_depth) {
    std::string out;
    write(value, expanded_depth, 0, out);
    out += '\n';
    return out;
}

}  // namespace ratiofarm
