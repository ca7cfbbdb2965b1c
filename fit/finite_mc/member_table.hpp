#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "member_weights.hpp"

namespace ratiofarm {

/// This rank's rows of the events that weights of members are fitted to, in shards, and which roles
/// they have.
class MemberTable {
public:
    /// Collective over comm, which must outlive this like `events`. Reads the rows.
    /// \throws AgreedError (usage) if a number is not finite, or what read() throws
    MemberTable(const mpi::Communicator& comm, const MemberEvents& events);

    std::size_t n_processes() const { return events_.members.size(); }

    /// Calls add(set, weight of sum 1, row) for the events of a shard.
    template <class Add>
    void for_each(Range shard, Add&& add) const {
        std::uint64_t row = shard.first - mine_.first;
        for (const SetRows& part : rows_of_range(sizes_, shard)) {
            const double scale = 1.0 / events_.sets[part.set].sum_of_weights;
            for (std::uint64_t k = 0; k < part.rows.size(); ++k, ++row) {
                add(part.set, scale * rows_.weight[row], row);
            }
        }
    }

    /// Fills [members + 1] of one event: f of the members, and 1.
    void set_basis(std::size_t process, std::uint64_t row, std::span<double> basis) const;

    /// What an event counts as numerator of a process, and in the reference.
    double numerator(std::size_t process, std::size_t set) const {
        return events_.numerator[process] == set ? 1.0 : 0.0;
    }
    double reference(std::size_t set) const { return events_.sets[set].reference; }

    /// Collective. The exact sum over all events of what terms(shard, to) adds for every shard.
    /// \return [width]
    template <class Terms>
    std::vector<double> sum(std::size_t width, Terms&& terms) const {
        mpi::ExactSums sums(width);
        mpi::together(comm_, [&] {
            std::vector<double> buffer(width);
            for (const Range& shard : shards_) {
                std::fill(buffer.begin(), buffer.end(), 0.0);
                terms(shard, std::span<double>(buffer));
                sums.add(buffer);
            }
        });
        return mpi::exact_sum(comm_, std::move(sums));
    }

private:
    void check() const;

    const mpi::Communicator& comm_;
    const MemberEvents& events_;
    std::vector<std::uint64_t> sizes_;
    std::vector<std::size_t> first_line_;  // of each process
    Range mine_;
    std::vector<Range> shards_;
    MemberRows rows_;
};

}  // namespace ratiofarm
