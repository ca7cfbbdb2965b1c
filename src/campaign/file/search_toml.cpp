// [search] as text: of the resolved file.
#include "campaign/search/search_space.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

std::string bracketed(const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
    return "[" + text + "]";
}

std::string point_text(const SearchSetting& point) {
    std::string text;
    for (const auto& [key, value] : point) {
        text += (text.empty() ? "" : ", ") + toml_text(key) + " = " + value;
    }
    return "{ " + text + " }";
}

std::string when_text(const SearchParameter& parameter) {
    if (parameter.when_values.empty()) return "";
    return ", when = { " + toml_text(parameter.when_key) + " = " +
           bracketed(parameter.when_values) + " }";
}

std::string range_text(const SearchParameter& parameter) {
    if (parameter.kind == SearchKind::choice) return bracketed(parameter.choices);
    if (is_whole(parameter.kind)) {
        return "[" + std::to_string(static_cast<std::int64_t>(parameter.low)) + ", " +
               std::to_string(static_cast<std::int64_t>(parameter.high)) + "]";
    }
    return toml_text(std::vector<double>{parameter.low, parameter.high});
}

}  // namespace

std::string search_toml(const SearchSection& search) {
    TomlWriter out;
    out.section("[search]");
    out.keys(search);
    if (!search.points.empty()) {
        std::vector<std::string> points;
        for (const SearchSetting& point : search.points) points.push_back(point_text(point));
        out.raw("points", bracketed(points));
    }
    out.section("[search.parameters]");
    for (const SearchParameter& parameter : search.parameters) {
        out.raw(toml_text(parameter.key), "{ " + word_of(parameter.kind) + " = " +
                                              range_text(parameter) + when_text(parameter) + " }");
    }
    return out.text();
}

}  // namespace ratiofarm
