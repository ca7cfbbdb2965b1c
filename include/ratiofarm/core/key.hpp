#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace ratiofarm {

/// Allowed values of a number; an infinite end is no limit.
struct NumberLimits {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    bool low_allowed = true;     ///< whether `low` itself is allowed
    std::string_view hint = {};  ///< more to say about a wrong value, "; ..."

    bool allow(double value) const;  ///< false for NaN and infinities
    std::string text() const;        ///< "a number > 0"
};

/// Allowed values of a whole number, both ends included.
struct WholeLimits {
    std::uint64_t low = 0;
    std::uint64_t high = 1;

    std::string text() const;  ///< "a whole number from 0 to 1"
};

inline constexpr NumberLimits above_zero{.low = 0.0, .low_allowed = false};

/// What there is to know about a member of a struct beside its name, type and default, for all who
/// visit its `fields` (see wire.hpp): the campaign's reader and writer, digests, tables, the search
/// and the documentation. The wire heeds none of it.
struct Key {
    enum class Effect : std::uint8_t {
        result,  ///< determines the result of a training
        work,    ///< determines it only through other members, or how the work is divided
        none,    ///< changes no result: no file has it, either
    };

    NumberLimits number = {};      ///< of a number, or of each number of an array
    WholeLimits whole = {};        ///< the same for whole numbers
    std::string_view required{};   ///< "for example name = \"S\""; empty: it may be left out
    std::string_view useless{};    ///< not empty: why it has no effect beside the other members
    std::string_view otherwise{};  ///< of the documentation: what is there instead of a default
    bool is_name = false;          ///< a text that becomes part of file names
    bool written = true;           ///< written to the resolved campaign
    bool by_hand = false;          ///< read and written by code of its section
    bool in_campaign = true;       ///< false: derived from something else
    bool searched = true;          ///< whether trials of a search may differ in it
    Effect effect = Effect::result;
};

}  // namespace ratiofarm
