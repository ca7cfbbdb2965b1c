#include "json_check.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "core/suggest.hpp"

namespace ratiofarm {

using nlohmann::json;

JsonPlace JsonPlace::item(std::size_t index) const {
    return {&value->at(index), fmt::format("{}/{}", pointer, index), words};
}

JsonPlace JsonPlace::at(const std::string& key) const {
    return {&value->at(key), pointer + "/" + key, words};
}

void JsonCheck::add(const JsonPlace& place, const std::string& what) {
    std::string text = place.words.empty() ? "" : place.words + ": ";
    text += what;
    if (!place.pointer.empty()) text += fmt::format(" (at {})", place.pointer);
    mistakes_.push_back(std::move(text));
}

void JsonCheck::wrong(const JsonPlace& place, const std::string& rule) {
    constexpr std::size_t shown = 60;
    std::string value = place.value->is_structured() && place.value->size() > shown
                            ? std::string("...")
                            : place.value->dump();
    if (value.size() > shown) value = value.substr(0, shown) + "...";
    const auto slash = place.pointer.rfind('/');
    const std::string key = place.pointer.substr(slash + 1);
    const bool is_index = key.find_first_not_of("0123456789") == std::string::npos;
    add(place, is_index ? fmt::format("{} ({})", value, rule)
                        : fmt::format("'{}' = {} ({})", key, value, rule));
}

bool JsonCheck::object(const JsonPlace& place,
                       const std::vector<std::string>& required,
                       const std::vector<std::string>& optional) {
    if (!place.value->is_object()) {
        wrong(place, "must be an object {...}");
        return false;
    }
    std::vector<std::string> known = required;
    known.insert(known.end(), optional.begin(), optional.end());
    std::vector<std::string> missing;
    for (const std::string& key : required) {
        if (!place.value->contains(key)) missing.push_back(key);
    }
    for (const auto& [key, value] : place.value->items()) {
        if (std::ranges::find(known, key) != known.end()) continue;
        add(place, fmt::format("unknown key '{}'{}; known are {}", key,
                               did_you_mean(key, missing.empty() ? known : missing),
                               fmt::join(known, ", ")));
    }
    for (const std::string& key : missing) add(place, fmt::format("'{}' is missing", key));
    return missing.empty();
}

std::optional<std::string> JsonCheck::text(const JsonPlace& place) {
    if (place.value->is_string() && !place.value->get_ref<const std::string&>().empty()) {
        return place.value->get<std::string>();
    }
    wrong(place, "must be a text, not empty");
    return std::nullopt;
}

bool JsonCheck::number(const JsonPlace& place, double low, const std::string& rule) {
    if (place.value->is_number()) {
        const double value = place.value->get<double>();
        if (std::isfinite(value) && value >= low) return true;
    }
    wrong(place, rule);
    return false;
}

bool JsonCheck::numbers(const JsonPlace& place, std::size_t n, double low) {
    if (!place.value->is_array() || place.value->empty()) {
        wrong(place, "must be an array of numbers");
        return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < place.value->size(); ++i) {
        const std::string rule = low == tiny  ? "must be a number > 0"
                                 : low == 0.0 ? "must be a number >= 0"
                                              : "must be a finite number";
        good &= number(place.item(i), low, rule);
    }
    if (n == any_number || place.value->size() == n) return good;
    add(place, fmt::format("{} numbers for {} bins (must be one each)", place.value->size(), n));
    return false;
}

void JsonCheck::each(const JsonPlace& of,
                     const std::string& key,
                     const std::string& what,
                     const std::function<void(const JsonPlace&)>& check_item) {
    if (!of.value->contains(key)) return;
    const JsonPlace array = of.at(key);
    if (!array.value->is_array() || (array.value->empty() && key != "parameters")) {
        return wrong(array, fmt::format("must be an array with at least one {}", what));
    }
    const std::string before = of.pointer.empty() ? "" : of.words + ", ";
    std::set<std::string> names;
    for (std::size_t i = 0; i < array.value->size(); ++i) {
        JsonPlace item = array.item(i);
        item.words = before + what;
        const bool named = item.value->is_object() && item.value->contains("name");
        if (named) {
            const auto name = text(item.at("name"));
            if (!name) continue;
            item.words += " '" + *name + "'";
            if (!names.insert(*name).second) {
                add(item, fmt::format("another {} has this name, too", what));
                continue;
            }
        }
        check_item(item);
    }
}

}  // namespace ratiofarm
