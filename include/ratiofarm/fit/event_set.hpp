#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm {

/// A stretch of an EventSet that came from one place, so that errors can name a row of it.
struct EventOrigin {
    std::string set;              ///< "SBI", "reference", "data"
    std::uint64_t first = 0;      ///< position in the EventSet's columns
    std::uint64_t first_row = 0;  ///< row of the set at that position
    bool operator==(const EventOrigin&) const = default;
};

/// The columns of one systematic shape: g(x) of a process at alpha = +1 and -1.
struct ShapeColumn {
    std::string process;
    std::string parameter;
    bool operator==(const ShapeColumn&) const = default;
};

/// Weighted events with their ratios, the input of a likelihood: events [offset, offset + n) of a
/// list of `total` events that may lie on several ranks. A whole set has offset 0 and total n.
struct EventSet {
    std::vector<std::string> processes;  ///< columns of log_r
    std::vector<ShapeColumn> shapes;     ///< what has no column has no shape effect
    std::vector<double> weight;          ///< [n], 1 for data; may be negative or 0
    std::vector<double> reference;       ///< [n] or empty: weight in the sums over the reference
    std::vector<double> log_r;           ///< [n, processes], ln p_j(x) / p_ref(x)
    std::vector<float> log_g;            ///< [shapes, 2, n], ln g(x) at alpha = +1, then at -1
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    std::vector<EventOrigin> origins;  ///< may be empty

    std::uint64_t size() const { return weight.size(); }
    bool operator==(const EventSet&) const = default;
};

/// A list of events that is read in pieces, so that a likelihood never holds two copies of it.
struct EventSource {
    std::vector<std::string> processes;
    std::vector<ShapeColumn> shapes;
    std::uint64_t total = 0;
    /// Events [first, last) of the list as an EventSet with that offset. Called on any rank for
    /// any range, by several threads at once. Throws DataError naming what is damaged.
    std::function<EventSet(Range)> read;
};

/// The events of a whole set, which must outlive the source, or of a set that it owns.
EventSource source_of(const EventSet& events);
EventSource source_of(EventSet&& events);

/// The contiguous part of a list of n events that this rank holds: its whole shards
/// (mpi/exact_sum.hpp), so that sums do not depend on the number of ranks.
Range events_of_rank(const mpi::Communicator& comm, std::uint64_t n_events);

/// The shards of events_of_rank(), which depend only on n_events: terms for mpi::ExactSums.
std::vector<Range> shards_of_rank(const mpi::Communicator& comm, std::uint64_t n_events);

/// Rows of one set out of several that are joined to one list.
struct SetRows {
    std::size_t set = 0;
    Range rows;
    bool operator==(const SetRows&) const = default;
};

/// Which rows of which sets make up a range of the concatenation, in order; no empty ones.
/// \param sizes events of each set
std::vector<SetRows> rows_of_range(std::span<const std::uint64_t> sizes, Range range);

/// Appends events of one place. \param log_r [n, to.processes], single precision as stored in
/// ratio files \param factor multiplies every weight
void append_events(EventSet& to,
                   std::span<const double> weight,
                   std::span<const float> log_r,
                   double factor,
                   EventOrigin origin);

/// "event 17 (row 12 of 'SBI')": an event of this part as a user can find it.
std::string event_name(const EventSet& events, std::uint64_t position);

}  // namespace ratiofarm
