#include "toml_writer.hpp"

#include <algorithm>
#include <cctype>

namespace ratiofarm {

std::string key_text(const std::string& name) {
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
    });
    return bare ? name : toml_text(name);
}

std::string inline_table(const NamedNumbers& entries, const std::string& more) {
    std::string text;
    for (const auto& [name, number] : entries) {
        text += (text.empty() ? "" : ", ") + key_text(name) + " = " + toml_text(number);
    }
    if (!more.empty()) text += (text.empty() ? "" : ", ") + more;
    return "{ " + text + " }";
}

}  // namespace ratiofarm
