#include "journal_line.hpp"

#include <charconv>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/digest.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t schema = 1;
constexpr std::string_view crc_mark = ",\"crc\":\"";
constexpr std::size_t crc_digits = 8;
constexpr std::size_t crc_tail = crc_mark.size() + crc_digits + 2;  // ... "}

std::uint32_t crc_of(std::string_view text, std::uint32_t start = 0) {
    return crc32(std::as_bytes(std::span(text)), start);
}

/// The part before the checksum, if it fits; the checksum is that of this part and "}".
std::optional<std::string_view> checked(std::string_view line) {
    if (line.size() <= crc_tail) return std::nullopt;
    const std::string_view object = line.substr(0, line.size() - crc_tail);
    const std::string_view tail = line.substr(object.size());
    if (!tail.starts_with(crc_mark) || !tail.ends_with("\"}")) return std::nullopt;
    const std::string_view digits = tail.substr(crc_mark.size(), crc_digits);
    std::uint32_t crc = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), crc, 16);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (digits.find_first_of("ABCDEF") != std::string_view::npos) return std::nullopt;
    if (crc_of("}", crc_of(object)) != crc) return std::nullopt;
    return object;
}

/// Length of the string, number or word at the beginning of `text`; 0 if there is none.
std::size_t value_size(std::string_view text) {
    if (text.empty()) return 0;
    if (text.front() != '"') return std::min(text.find(','), text.size());
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            return i + 1;
        }
    }
    return 0;
}

std::string quoted(std::string_view value) {
    for (const char c : value) {
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ||
            static_cast<unsigned char>(c) > 0x7e) {
            const auto replace = nlohmann::json::error_handler_t::replace;
            return nlohmann::json(value).dump(-1, ' ', false, replace);
        }
    }
    return fmt::format("\"{}\"", value);
}

}  // namespace

LineWriter::LineWriter(std::string_view event, std::uint64_t sequence)
    : object_(fmt::format("{{\"schema\":{},\"seq\":{},\"event\":\"{}\"", schema, sequence, event)) {
}

LineWriter& LineWriter::text(std::string_view key, std::string_view value) {
    object_ += fmt::format(",\"{}\":{}", key, quoted(value));
    return *this;
}

LineWriter& LineWriter::number(std::string_view key, double value) {
    object_ += fmt::format(",\"{}\":{}", key, nlohmann::json(value).dump());
    return *this;
}

LineWriter& LineWriter::whole(std::string_view key, std::uint64_t value) {
    object_ += fmt::format(",\"{}\":{}", key, value);
    return *this;
}

LineWriter& LineWriter::flag(std::string_view key, bool value) {
    object_ += fmt::format(",\"{}\":{}", key, value ? "true" : "false");
    return *this;
}

std::string LineWriter::finish() {
    return fmt::format("{}{}{:08x}\"}}", object_, crc_mark, crc_of("}", crc_of(object_)));
}

std::optional<LineReader> LineReader::open(std::string_view line) {
    const auto object = checked(line);
    LineReader reader;
    if (!object || !reader.parse(*object) || reader.whole("schema") != schema) return std::nullopt;
    return reader;
}

/// \param object without its closing brace
bool LineReader::parse(std::string_view object) {
    if (!object.starts_with('{')) return false;
    members_.reserve(16);
    object.remove_prefix(1);
    while (true) {
        const std::size_t key = value_size(object);
        if (key < 2 || object.front() != '"' || object.size() <= key || object[key] != ':') {
            return false;
        }
        const std::string_view name = object.substr(1, key - 2);
        object.remove_prefix(key + 1);
        const std::size_t size = value_size(object);
        if (size == 0) return false;
        members_.emplace_back(name, object.substr(0, size));
        object.remove_prefix(size);
        if (object.empty()) return true;
        if (object.front() != ',') return false;
        object.remove_prefix(1);
    }
}

std::string_view LineReader::raw(std::string_view key) const {
    for (const auto& [name, value] : members_) {
        if (name == key) return value;
    }
    return {};
}

std::string LineReader::text(std::string_view key) const {
    const std::string_view value = raw(key);
    if (value.size() < 2) return {};
    if (value.find('\\') == std::string_view::npos) {
        return std::string(value.substr(1, value.size() - 2));
    }
    const auto json = nlohmann::json::parse(value, nullptr, false);
    return json.is_string() ? json.get<std::string>() : std::string();
}

double LineReader::number(std::string_view key) const {
    const std::string_view value = raw(key);
    double result = 0.0;
    std::from_chars(value.data(), value.data() + value.size(), result);
    return result;
}

std::uint64_t LineReader::whole(std::string_view key) const {
    const std::string_view value = raw(key);
    std::uint64_t result = 0;
    std::from_chars(value.data(), value.data() + value.size(), result);
    return result;
}

bool LineReader::flag(std::string_view key) const { return raw(key) == "true"; }

}  // namespace ratiofarm
