#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"

namespace ratiofarm {

/// What became of the weights of one set of reference events.
struct CancelledWeights {
    std::string set;
    std::uint64_t events = 0;
    std::uint64_t negative = 0;  ///< events with weight < 0
    std::uint64_t cells = 0;     ///< that these were cancelled in; 0 if there are none
    double effective = 0.0;      ///< (sum w)^2 / sum w^2 of the weights as they were
    double effective_now = 0.0;  ///< of those that came out
    bool operator==(const CancelledWeights&) const = default;
};

/// (sum w)^2 / sum w^2: how many events of weight 1 know as much. 0 without weights.
double effective_events(std::span<const double> weights);

/// Gives the reference events of each set weights that can be thrown. Negative weights stand for
/// too many positive ones nearby, and "nearby" is what the likelihood sees: the events of a set are
/// halved again and again where their ratios differ most, as long as both halves are worth
/// `smallest_cell` events, and within such a cell every weight becomes |w| sum(w) / sum|w|. The sum
/// of each cell stays, and so does the density as far as the share of negative weights changes
/// little within a cell. Then ln r of each process is moved so that its mean over the reference
/// stays: expected events are those of the weights as they were. Sets without negative weights, and
/// lists of such sets only, keep every bit.
/// \param events with weights of the reference, in sets that their origins name
/// \param yields [processes]  \return one for each set
/// \throws DataError naming a set with negative weights that is worth less than one cell
std::vector<CancelledWeights> cancel_negative_weights(EventSet& events,
                                                      std::span<const double> yields);

/// A cell is worth at least this many events: its sum of weights is known to 14 %.
inline constexpr double smallest_cell = 50.0;

}  // namespace ratiofarm
