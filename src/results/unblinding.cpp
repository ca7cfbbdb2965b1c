#include "unblinding.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "json_fields.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view format_name = "ratiofarm unblinding";
constexpr int format_version = 1;

}  // namespace

std::string blinding_text(const Blinding& blinding) {
    if (!blinding.unblinding && blinding.earlier) {
        return fmt::format(
            "blind again: the data were looked at before, perhaps with another version of this "
            "measurement (on record at {} by {} because: {})",
            blinding.earlier->time, blinding.earlier->by, blinding.earlier->reason);
    }
    if (!blinding.unblinding) return "blind: the data have not been looked at";
    const Unblinding& unblinding = *blinding.unblinding;
    return fmt::format("unblinded at {} by {} because: {} (expected before: {})", unblinding.time,
                       unblinding.by, unblinding.reason, unblinding.expected);
}

std::string unblindings_json(const std::vector<Unblinding>& unblindings) {
    Json json{{"format", format_name}, {"version", format_version}};
    json["unblindings"] = JsonWriter::json_of(unblindings);
    // A reason comes from a shell, which may use another encoding than UTF-8.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<Unblinding> parse_unblindings(std::string_view text) {
    return in_context("unblinding.json", [&] {
        try {
            const Json json = parse_record(text);
            if (json.at("format").get<std::string>() != format_name ||
                json.at("version").get<int>() != format_version) {
                throw DataError(
                    fmt::format("is not '{}' of version {}", format_name, format_version));
            }
            std::vector<Unblinding> unblindings;
            JsonReader::read(json.at("unblindings"), {}, unblindings);
            return unblindings;
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

}  // namespace ratiofarm
