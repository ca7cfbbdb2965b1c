#include "pyhf_json.hpp"

#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

using nlohmann::json;

const json& member(const json& object, const std::string& key, const std::string& where) {
    if (!object.is_object() || !object.contains(key)) {
        throw DataError(fmt::format("{}: '{}' is missing", where, key));
    }
    return object.at(key);
}

std::string text_member(const json& object, const std::string& key, const std::string& where) {
    const json& value = member(object, key, where);
    if (!value.is_string()) {
        throw DataError(fmt::format("{}: '{}' = {} (must be a text)", where, key, value.dump()));
    }
    return value.get<std::string>();
}

const json& array_member(const json& object, const std::string& key, const std::string& where) {
    static const json none = json::array();
    if (!object.is_object() || !object.contains(key)) return none;
    const json& value = object.at(key);
    if (!value.is_array()) throw DataError(fmt::format("{}: '{}' must be an array", where, key));
    return value;
}

double number_of(const json& value, const std::string& where) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
        throw DataError(fmt::format("{}: {} (must be a finite number)", where, value.dump()));
    }
    return value.get<double>();
}

std::vector<double> numbers_of(const json& value, const std::string& where) {
    if (!value.is_array()) throw DataError(fmt::format("{}: must be an array of numbers", where));
    std::vector<double> numbers;
    for (const json& item : value) numbers.push_back(number_of(item, where));
    return numbers;
}

std::vector<double> bins_of(const json& value, std::size_t n, const std::string& where) {
    std::vector<double> numbers = numbers_of(value, where);
    if (numbers.size() != n) {
        throw DataError(
            fmt::format("{}: {} numbers for {} bins (must be one each)", where, numbers.size(), n));
    }
    return numbers;
}

}  // namespace ratiofarm
