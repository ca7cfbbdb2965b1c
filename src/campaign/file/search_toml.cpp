// [search] as text: of the resolved file.
#include "campaign/search/search_space.hpp"

#include "toml_text.hpp"

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
    std::string text = "[search]\n";
    const auto number = [&](const char* key, std::uint32_t value) {
        text += std::string(key) + " = " + std::to_string(value) + "\n";
    };
    number("trials", search.trials);
    number("reduction", search.reduction);
    number("first_rung", search.first_rung);
    number("parallel", search.parallel);
    text += "objective = " + toml_text(word_of(search.objective)) + "\n";
    if (!search.processes.empty()) text += "processes = " + toml_text(search.processes) + "\n";
    text += "\n[search.parameters]\n";
    for (const SearchParameter& parameter : search.parameters) {
        text += toml_text(parameter.key) + " = { " + word_of(parameter.kind) + " = " +
                range_text(parameter) + " }\n";
    }
    return text;
}

}  // namespace ratiofarm
