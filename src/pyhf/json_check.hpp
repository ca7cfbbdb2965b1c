#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ratiofarm {

/// A value of a JSON document and where it lies: its JSON pointer, and in words "channel 'SR'".
struct JsonPlace {
    const nlohmann::json* value = nullptr;
    std::string pointer = {};
    std::string words = {};

    JsonPlace item(std::size_t index) const;
    JsonPlace at(const std::string& key) const;
};

/// Collects what is wrong with a JSON document, so that all of it is told at once.
class JsonCheck {
public:
    static constexpr std::size_t any_number = 0;  ///< of entries, but at least one
    static constexpr double tiny = std::numeric_limits<double>::min();
    static constexpr double lowest = std::numeric_limits<double>::lowest();

    /// One line each: "channel 'SR', sample 'b': 'lo' = 0 (must be > 0) (at /channels/0/...)".
    const std::vector<std::string>& mistakes() const { return mistakes_; }

    void add(const JsonPlace& place, const std::string& what);

    /// "'lo' = 0 (must be > 0)"
    void wrong(const JsonPlace& place, const std::string& rule);

    /// \return whether it is an object with the required keys; others and missing ones are mistakes
    bool object(const JsonPlace& place,
                const std::vector<std::string>& required,
                const std::vector<std::string>& optional = {});

    /// \return nothing if it is not a text with some letters
    std::optional<std::string> text(const JsonPlace& place);

    bool number(const JsonPlace& place, double low, const std::string& rule);

    /// \return whether it is an array of n numbers that are all >= low
    bool numbers(const JsonPlace& place, std::size_t n, double low = lowest);

    /// Checks every item of an array, named "channel 'SR'" where it has a name that no other has.
    /// Only "parameters" may be empty; a key that is missing is left to object().
    void each(const JsonPlace& of,
              const std::string& key,
              const std::string& what,
              const std::function<void(const JsonPlace&)>& check_item);

private:
    std::vector<std::string> mistakes_;
};

}  // namespace ratiofarm
