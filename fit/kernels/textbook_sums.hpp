#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "fit/events/region_events.hpp"

namespace ratiofarm {

/// The sums of RegionEvents as their documentation defines them: one event after the other, in
/// double precision, with exp and log of the library. Slow and clear; the oracle of the kernels.
/// \param events all of them enter  \param rates [S]  \param alpha [P]
MixtureSums textbook_mixture(const RegionLayout& layout,
                             const EventSet& events,
                             std::span<const double> rates,
                             std::span<const double> alpha);
ReferenceSums textbook_reference(const RegionLayout& layout,
                                 const EventSet& events,
                                 std::span<const double> alpha);

/// The textbook sums over the events of all ranks, which are read again for every sum.
class TextbookEvents {
public:
    /// \param comm must outlive this, like everything the source reads
    TextbookEvents(const RegionLayout& layout,
                   const EventSource& source,
                   const mpi::Communicator& comm)
        : layout_(layout), source_(source), comm_(&comm) {}

    /// Collective over comm. As those of RegionEvents.
    MixtureSums mixture(std::span<const double> rates, std::span<const double> alpha) const;
    ReferenceSums reference(std::span<const double> alpha) const;

private:
    template <class Sums, class OfEvents>
    Sums sum(const OfEvents& of_events, std::vector<std::uint64_t>* counts) const;

    RegionLayout layout_;
    EventSource source_;
    const mpi::Communicator* comm_;
};

}  // namespace ratiofarm
