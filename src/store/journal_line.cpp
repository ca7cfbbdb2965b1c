#include "journal_line.hpp"

#include <charconv>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t schema = 2;
constexpr std::uint64_t oldest_schema = 1;  // without kind and family of tasks
constexpr std::string_view crc_mark = ",\"crc\":\"";
constexpr std::size_t crc_digits = 8;
constexpr std::size_t crc_tail = crc_mark.size() + crc_digits + 2;  // ... "}

std::uint32_t crc_of(std::string_view text, std::uint32_t start = 0) {
    return crc32(std::as_bytes(std::span(text)), start);
}

/// The checksum that a line ends with, if it does: 8 small hexadecimal digits.
std::optional<std::uint32_t> written_crc(std::string_view tail) {
    if (!tail.starts_with(crc_mark) || !tail.ends_with("\"}")) return std::nullopt;
    const std::string_view digits = tail.substr(crc_mark.size(), crc_digits);
    if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    std::uint32_t crc = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), crc, 16);
    return crc;
}

}  // namespace

/// The checksum is that of the line as it would be without it.
bool is_whole_line(std::string_view line) {
    if (line.size() <= crc_tail) return false;
    const auto crc = written_crc(line.substr(line.size() - crc_tail));
    return crc && crc_of("}", crc_of(line.substr(0, line.size() - crc_tail))) == *crc;
}

LineWriter::LineWriter(std::string_view event, std::uint64_t sequence)
    : object_{{"schema", schema}, {"seq", sequence}, {"event", event}} {}

std::string LineWriter::finish() const {
    std::string object =
        object_.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    const std::uint32_t crc = crc_of(object);
    object.pop_back();
    return fmt::format("{}{}{:08x}\"}}", object, crc_mark, crc);
}

/// Takes the members of a flat object from the parser.
class LineReader::Collector {
public:
    using Json = nlohmann::json;

    explicit Collector(LineReader& line) : members_(line.members_) { members_.reserve(32); }

    bool null() { return true; }
    bool boolean(bool value) { return set(value); }
    bool number_integer(Json::number_integer_t value) { return set(static_cast<double>(value)); }
    bool number_unsigned(Json::number_unsigned_t value) { return set(std::uint64_t{value}); }
    bool number_float(Json::number_float_t value, const std::string&) { return set(value); }
    bool string(std::string& value) { return set(std::move(value)); }
    bool key(std::string& value) {
        members_.emplace_back(std::move(value), std::monostate());
        return true;
    }
    bool start_object(std::size_t) { return members_.empty(); }
    bool end_object() { return true; }
    bool binary(Json::binary_t&) { return false; }
    bool start_array(std::size_t) { return false; }
    bool end_array() { return false; }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

private:
    template <class T>
    bool set(T&& value) {
        if (members_.empty()) return false;  // no object
        members_.back().second = std::forward<T>(value);
        return true;
    }

    std::vector<std::pair<std::string, Value>>& members_;
};

std::optional<LineReader> LineReader::open(std::string_view line) {
    if (!is_whole_line(line)) return std::nullopt;
    LineReader reader;
    Collector collector(reader);
    if (!nlohmann::json::sax_parse(line, &collector)) return std::nullopt;
    std::uint64_t written = 0;
    reader("schema", written);
    if (written < oldest_schema || written > schema) return std::nullopt;
    return reader;
}

std::string LineReader::event() const {
    std::string event;
    (*this)("event", event);
    return event;
}

double LineReader::finite(double number) {
    if (!std::isfinite(number)) throw DataError("a number of this line is not finite");
    return number;
}

const LineReader::Value* LineReader::find(std::string_view key) const {
    for (std::size_t looked_at = 0; looked_at < members_.size(); ++looked_at) {
        const std::size_t at = (next_ + looked_at) % members_.size();
        if (members_[at].first != key) continue;
        next_ = at + 1;
        return &members_[at].second;
    }
    return nullptr;
}

}  // namespace ratiofarm
