// [search] as text: of the resolved file.
#include "campaign/search/search_space.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

std::string range_text(const SearchParameter& parameter) {
    if (parameter.kind == SearchKind::choice) {
        std::string text;
        for (const std::string& choice : parameter.choices) {
            text += (text.empty() ? "" : ", ") + choice;
        }
        return "[" + text + "]";
    }
    if (parameter.kind == SearchKind::integer) {
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
    out.section("[search.parameters]");
    for (const SearchParameter& parameter : search.parameters) {
        out.raw(toml_text(parameter.key),
                "{ " + word_of(parameter.kind) + " = " + range_text(parameter) + " }");
    }
    return out.text();
}

}  // namespace ratiofarm
