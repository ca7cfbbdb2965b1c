#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/fit/event_set.hpp"

#include "core/philox.hpp"

namespace ratiofarm {

/// ln k!
double log_factorial(double k);

/// A Poisson count from a sequence of uniform draws: by inversion for small means, by transformed
/// rejection (PTRS of W. Hoermann, Insurance: Mathematics and Economics 12, 1993) from 10 on. How
/// many draws it takes depends on what is drawn: give each purpose a sequence of its own.
/// \param mean finite, from 0 to 1e12
std::uint64_t poisson(PhiloxSequence& random, double mean);

/// A row of a list of events and how often it was drawn.
struct DrawnRow {
    std::uint64_t row = 0;
    std::uint64_t times = 1;
    bool operator==(const DrawnRow&) const = default;
};

/// Each event of a weighted list Poisson(weight) times, which is the same as Poisson(sum of
/// weights) draws in proportion to the weights. Negative weights cannot be thrown: they count as 0,
/// and the others are scaled so that the sum stays what it is with them, if that is positive.
class WeightedDraw {
public:
    /// \param weights expected numbers, finite
    explicit WeightedDraw(std::span<const double> weights);

    double expected() const { return cumulated_.empty() ? 0.0 : cumulated_.back(); }

    /// \return ascending rows
    std::vector<DrawnRow> draw(PhiloxSequence& random) const;

private:
    std::size_t size() const { return cumulated_.size(); }
    std::uint64_t row_at(double share) const;

    std::vector<double> cumulated_;      // [n], sum of the weights up to and with this row
    std::vector<std::uint64_t> nearby_;  // [n], the row at k / n of the sum, or near it
};

/// Poisson(expected) events of a list of real ones, without replacement: toy after toy takes the
/// next ones of a fixed random order, so that toys share no event until the list is used up and
/// begins again.
class DisjointDraw {
public:
    /// \param n events of the list, > 0  \param key of all random numbers
    DisjointDraw(std::uint64_t n, double expected, std::uint64_t key);

    std::uint64_t count(std::uint64_t toy) const;  ///< events of a toy

    /// Events of all toys before each of these and of the last, in time proportional to toys.last.
    /// \return [toys.size() + 1]
    std::vector<std::uint64_t> first_events(Range toys) const;

    /// \param first entry of first_events()  \param count at most n
    /// \return ascending rows
    std::vector<DrawnRow> draw(std::uint64_t first, std::uint64_t count) const;

private:
    std::uint64_t n_;
    double expected_;
    std::uint64_t key_;
    Permutation order_;
};

/// Rows of a set that enter a toy, and as what.
struct ToyRows {
    const EventSet* events;
    std::vector<DrawnRow> rows;
    bool as_reference = false;
};

/// The rows of all parts, one after the other.
EventSet joined(const std::vector<ToyRows>& parts);

/// Every row once.
std::vector<DrawnRow> all_rows(const EventSet& events);

}  // namespace ratiofarm
