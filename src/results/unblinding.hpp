#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// One decision to look at the data of a blind campaign, as unblinding.json keeps it for good.
struct Unblinding {
    std::string time;                      ///< UTC, "2026-11-22T12:00:00Z"
    std::string by;                        ///< user@host
    std::string reason;                    ///< as given
    std::string measurement;               ///< measurement_digest(), hexadecimal
    std::string inputs;                    ///< of the blind fit before it: FitRecord::inputs
    std::string fit;                       ///< XXH3-128 of that fit.json, hexadecimal
    std::string expected;                  ///< its result in words, "mu = 1.00 +- 0.31"
    std::optional<std::string> data = {};  ///< digest of the sample, hexadecimal; absent: counts, a
                                           ///< look that was over, or of an older version
    bool operator==(const Unblinding&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Unblinding>& value) {
    visit("time", value.time);
    visit("by", value.by);
    visit("reason", value.reason);
    visit("measurement", value.measurement);
    visit("inputs", value.inputs);
    visit("fit", value.fit);
    visit("expected", value.expected);
    visit("data", value.data);
}

/// The blinding of a fit.
struct Blinding {
    std::string measurement;               ///< measurement_digest(), hexadecimal
    std::optional<Unblinding> unblinding;  ///< absent: the fit is blind
    std::optional<Unblinding> earlier =
        {};  ///< blind again: the last look at data of this directory
    bool operator==(const Blinding&) const = default;
};

/// "blind: the data have not been looked at", "blind again: ..." or "unblinded at ... by ...
/// because ...".
std::string blinding_text(const Blinding& blinding);

/// JSON text, to be sealed.
std::string unblindings_json(const std::vector<Unblinding>& unblindings);

/// \throws DataError if it is another format or a key is missing
std::vector<Unblinding> parse_unblindings(std::string_view text);

}  // namespace ratiofarm
