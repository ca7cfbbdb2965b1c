#include "read_cuts.hpp"

#include <cmath>
#include <limits>

#include "toml_writer.hpp"

namespace ratiofarm {

std::optional<double> read_limit(const ConfigNode& node,
                                 const std::string& path,
                                 Mistakes& mistakes) {
    if (const auto* whole = node.get_if<std::int64_t>()) return static_cast<double>(*whole);
    const auto* number = node.get_if<double>();
    if (number != nullptr && !std::isnan(*number)) return *number;
    mistakes.wrong(node, path, "must be a number, inf or -inf");
    return std::nullopt;
}

std::vector<Cut> read_cuts(const TableReader& table) {
    std::vector<Cut> cuts;
    const ConfigNode* node = table.find("where");
    if (node == nullptr) return cuts;
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        table.wrong("where", "must be a table of observables, { mass = [700.0, inf] }");
        return cuts;
    }
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("where") + "." + member.key;
        // A cut that is wrong holds for no event: it is not told again as an overlap.
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        Cut& cut = cuts.emplace_back(Cut{member.key, none, none});
        const auto* limits = member.value.get_if<ConfigNode::Array>();
        if (limits == nullptr || limits->size() != 2) {
            table.mistakes().wrong(member.value, path, "must be two limits, [700.0, inf]");
            continue;
        }
        const auto low = read_limit((*limits)[0], path + "[0]", table.mistakes());
        const auto high = read_limit((*limits)[1], path + "[1]", table.mistakes());
        if (!low || !high) continue;
        if (!(*low < *high)) {
            table.mistakes().wrong(
                member.value, path,
                "must be [low, high] with low < high: events with low <= x < high are in");
            continue;
        }
        cut.low = *low;
        cut.high = *high;
    }
    return cuts;
}

std::string cuts_text(const std::vector<Cut>& cuts) {
    std::string text;
    for (const Cut& cut : cuts) {
        text += (text.empty() ? "" : ", ") + key_text(cut.observable) + " = " +
                toml_text(std::vector<double>{cut.low, cut.high});
    }
    return "{ " + text + " }";
}

}  // namespace ratiofarm
