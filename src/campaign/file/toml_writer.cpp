#include "toml_writer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

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

namespace {

template <class T, class Text>
std::string array_text(const std::vector<T>& values, Text text) {
    std::string result = "[";
    for (const T& value : values) result += (result.size() > 1 ? ", " : "") + text(value);
    return result + "]";
}

void append_escaped(std::string& result, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
        result += {'\\', c};
    } else if (c == '\n') {
        result += "\\n";
    } else if (c == '\t') {
        result += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
        result += "\\u00";
        result += {digits[code >> 4], digits[code & 15U]};
    } else {
        result += c;
    }
}

}  // namespace

std::string toml_text(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    std::array<char, 40> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                   std::chars_format::general);
    RATIOFARM_EXPECT(end.ec == std::errc{});
    std::string text(buffer.data(), end.ptr);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string toml_text(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) append_escaped(result, c);
    return result + "\"";
}

std::string toml_text(const Coefficient& coefficient) { return toml_text(coefficient.text()); }

std::string toml_text(const std::vector<double>& numbers) {
    return array_text(numbers, [](double number) { return toml_text(number); });
}

std::string toml_text(const std::vector<std::uint32_t>& numbers) {
    return array_text(numbers, [](std::uint32_t number) { return std::to_string(number); });
}

std::string toml_text(const std::vector<std::string>& texts) {
    return array_text(texts, [](const std::string& text) { return toml_text(text); });
}

}  // namespace ratiofarm
