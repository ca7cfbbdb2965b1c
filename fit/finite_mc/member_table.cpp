#include "member_table.hpp"

#include <cmath>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

MemberTable::MemberTable(const mpi::Communicator& comm, const MemberEvents& events)
    : comm_(comm), events_(events) {
    RATIOFARM_EXPECT(events.numerator.size() == events.members.size());
    std::uint64_t total = 0;
    for (const auto& set : events.sets) {
        RATIOFARM_EXPECT(set.sum_of_weights > 0.0);
        sizes_.push_back(set.events);
        total += set.events;
    }
    std::size_t line = 0;
    for (const std::size_t members : events.members) {
        first_line_.push_back(line);
        line += members;
    }
    mine_ = events_of_rank(comm, total);
    shards_ = shards_of_rank(comm, total);
    mpi::together(comm, [&] {
        rows_ = events.read(mine_);
        RATIOFARM_EXPECT(rows_.weight.size() == mine_.size());
        RATIOFARM_EXPECT(rows_.log_r.size() == mine_.size() * line);
        check();
    });
}

void MemberTable::set_basis(std::size_t process, std::uint64_t row, std::span<double> basis) const {
    const std::size_t members = events_.members[process];
    RATIOFARM_EXPECT(basis.size() == members + 1);
    for (std::size_t i = 0; i < members; ++i) {
        const std::size_t line = first_line_[process] + i;
        basis[i] = rows_.log_r[line * rows_.weight.size() + row];
    }
    basis[members] = 1.0;
}

void MemberTable::check() const {
    for (std::size_t k = 0; k < rows_.log_r.size(); ++k) {
        if (std::isfinite(rows_.log_r[k])) continue;
        throw DataError("weights of members: ln r of member line " +
                        std::to_string(k / mine_.size()) + " is not finite at event " +
                        std::to_string(mine_.first + k % mine_.size()) + " of the list");
    }
}

}  // namespace ratiofarm
