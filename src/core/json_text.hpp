#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

/// What JSON permits and no file may hold: an object with a key twice, of which a parser would
/// silently take the last, and nesting that would only exhaust the stack. A callback of
/// nlohmann::json.
template <class Json>
class JsonRules {
public:
    explicit JsonRules(int deepest) : deepest_(deepest) {}

    /// \throws DataError
    bool operator()(int depth, typename Json::parse_event_t event, Json& parsed) {
        using Event = typename Json::parse_event_t;
        if (event == Event::object_start || event == Event::array_start) {
            if (depth > deepest_) {
                throw DataError("it is nested deeper than " + std::to_string(deepest_) + " levels");
            }
        }
        if (event == Event::object_start) {
            objects_.emplace_back();
        } else if (event == Event::object_end) {
            objects_.pop_back();
        } else if (event == Event::key) {
            auto& [seen, latest] = objects_.back();
            latest = parsed.template get<std::string>();
            if (!seen.insert(latest).second) throw DataError(twice());
        }
        return true;
    }

private:
    struct Object {
        std::set<std::string> seen;
        std::string latest;
    };

    std::string twice() const {
        std::string path;
        for (const Object& object : objects_) path += "/" + object.latest;
        return "an object has the key '" + objects_.back().latest + "' twice (at " + path +
               ", without the numbers of entries)";
    }

    int deepest_;
    std::vector<Object> objects_;
};

/// A text as JSON; every JSON file and message from outside is read by it.
/// \param deepest levels of nesting that are allowed
/// \throws DataError where JsonRules are broken  \throws nlohmann::json::exception if it is no JSON
template <class Json>
Json parse_json(std::string_view text, int deepest) {
    return Json::parse(text, JsonRules<Json>(deepest));
}

}  // namespace ratiofarm
