#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"

#include "core/json_text.hpp"

/// Records as JSON, in both directions from one list of keys: the `fields` of a record, in the
/// order in which they are written. A number that is not finite is null, an optional that is empty
/// is left out, an enumerator is its word, a digest is hexadecimal.
namespace ratiofarm {

struct JsonKey {
    bool optional = false;                                   ///< a reader goes on without it
    bool left_out = false;                                   ///< by the writer
    bool none_is_null = false;                               ///< an optional that is empty
    double null = std::numeric_limits<double>::quiet_NaN();  ///< what null means, of a number
};

/// May be missing, and is where it says nothing.
inline JsonKey unless(bool empty) { return {.optional = true, .left_out = empty}; }

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
concept JsonArray = requires(const T& value) {
    value.begin();
    value.data();
}
&&!std::is_same_v<T, std::string>;
using JsonTexts = std::vector<std::pair<std::string, std::string>>;  ///< an object

/// A record as it lies in a file: records are flat, and what is nested very deeply would only
/// exhaust the stack. \throws DataError, nlohmann::json::exception
inline nlohmann::ordered_json parse_record(std::string_view text) {
    constexpr int deepest = 32;
    return parse_json<nlohmann::ordered_json>(text, deepest);
}

class JsonWriter {
public:
    static constexpr bool reading = false;
    using Json = nlohmann::ordered_json;

    /// \param json  an object; keys are added to it
    explicit JsonWriter(Json& json) : json_(json) {}

    template <class T>
    void operator()(const char* name, const T& value, const JsonKey& key = {}) {
        if (key.left_out) return;
        if constexpr (is_optional<T>) {
            if (!value && !key.none_is_null) return;
        }
        json_[name] = json_of(value);
    }

    /// The members of an object that has no struct.
    template <class Fields>
    void nested(const char* name, Fields members) {
        Json inner = Json::object();
        JsonWriter writer(inner);
        members(writer);
        json_[name] = std::move(inner);
    }

    /// A struct that is written as its only member.
    template <class T>
    void as(const T& member) {
        json_ = json_of(member);
    }

    template <class T>
    static Json json_of(const T& value) {
        if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
            return value;
        } else if constexpr (std::is_enum_v<T>) {
            return word_of(value);
        } else if constexpr (std::is_same_v<T, Digest>) {
            return value.hex();
        } else if constexpr (is_optional<T>) {
            return value ? json_of(*value) : Json();
        } else if constexpr (std::is_same_v<T, JsonTexts>) {
            Json object = Json::object();
            for (const auto& [name, text] : value) object[name] = text;
            return object;
        } else if constexpr (JsonArray<T>) {
            Json array = Json::array();
            for (const auto& element : value) array.push_back(json_of(element));
            return array;
        } else {
            Json object = Json::object();
            JsonWriter writer(object);
            fields(writer, value);
            return object;
        }
    }

private:
    Json& json_;
};

/// \throws DataError or nlohmann::json::exception if a key is missing or of another type
class JsonReader {
public:
    static constexpr bool reading = true;
    using Json = nlohmann::ordered_json;

    explicit JsonReader(const Json& json) : json_(json) {}

    template <class T>
    void operator()(const char* name, T& value, const JsonKey& key = {}) {
        const bool optional = key.optional || (is_optional<T> && !key.none_is_null);
        if (optional && !json_.contains(name)) return;
        read(json_.at(name), key, value);
    }

    template <class Fields>
    void nested(const char* name, Fields members) {
        JsonReader reader(json_.at(name));
        members(reader);
    }

    template <class T>
    void as(T& member) {
        read(json_, {}, member);
    }

    template <class T>
    static void read(const Json& json, const JsonKey& key, T& value) {
        if constexpr (std::is_same_v<T, double>) {
            value = json.is_null() ? key.null : json.get<double>();
        } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
            value = json.get<T>();
        } else if constexpr (std::unsigned_integral<T>) {
            const bool fits =
                json.is_number_unsigned() && std::in_range<T>(json.get<std::uint64_t>());
            if (json.is_number() && !fits) {
                throw DataError(json.dump() +
                                " is no whole number that fits: damaged or written by "
                                "another version?");
            }
            value = json.get<T>();
        } else if constexpr (std::is_enum_v<T>) {
            const auto word = json.get<std::string>();
            const auto found = enumerator_of<T>(word);
            if (!found) throw DataError("'" + word + "' is not known: of another version?");
            value = *found;
        } else if constexpr (std::is_same_v<T, Digest>) {
            value = Digest::from_hex(json.get<std::string>());
        } else if constexpr (is_optional<T>) {
            if (key.none_is_null && json.is_null()) return;
            read(json, key, value.emplace());
        } else if constexpr (std::is_same_v<T, JsonTexts>) {
            for (const auto& [name, text] : json.items()) {
                value.emplace_back(name, text.template get<std::string>());
            }
        } else if constexpr (JsonArray<T>) {
            if constexpr (requires { value.emplace_back(); }) {
                const auto& elements = json.get_ref<const Json::array_t&>();
                value.reserve(elements.size());
                for (const Json& element : elements) read(element, key, value.emplace_back());
            } else {
                for (std::size_t i = 0; i < value.size(); ++i) read(json.at(i), key, value[i]);
            }
        } else {
            JsonReader reader(json);
            fields(reader, value);
        }
    }

private:
    const Json& json_;
};

}  // namespace ratiofarm
