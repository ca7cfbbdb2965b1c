#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

/// Weighted members ("wifi ensembles", arXiv:2506.00113): ln r_j(x) = sum_i w_ji f_ji(x) + c_j of
/// the frozen members f, with w and c fitted to events, and their covariance. The loss is bounded
/// and has a ridge, unlike that of the paper: docs/finite_mc.md says why.
namespace ratiofarm {

/// Events with what all members of all processes say of them.
struct MemberRows {
    std::vector<double> weight;  ///< [n]
    std::vector<float> log_r;    ///< [sum of members, n], process after process
};

/// Sets of events joined to one list.
struct MemberEvents {
    struct Set {
        std::uint64_t events = 0;
        double sum_of_weights = 0.0;  ///< > 0
        double reference = 0.0;       ///< pi of the set in p_ref = sum_k pi_k p_k; 0: not in it
    };
    std::vector<Set> sets;
    std::vector<std::size_t> numerator;     ///< [processes] set of each
    std::vector<std::size_t> members;       ///< [processes] how many
    std::function<MemberRows(Range)> read;  ///< events of the list
};

/// Fitted weights of the members of one process.
struct WeightedMembers {
    std::vector<double> weight;  ///< [members]
    double constant = 0.0;
    double log_z = 0.0;        ///< ln of the mean ratio over the reference, to be subtracted
    std::vector<double> mean;  ///< [members], mean of f over the reference, weighted by the ratio
    double loss = 0.0;         ///< without the ridge
    double ridge = 0.0;        ///< infinite: the members have equal weights
    double determined = 0.0;   ///< how many weights the events determine, 0 to members
    bool converged = false;
};

struct MemberWeights {
    std::vector<WeightedMembers> processes;
    /// [Q, Q], Q = sum_j (members_j + 2): of the weights, the constant, and ln Z at fixed weights
    /// and constant, process after process.
    std::vector<double> covariance;
};

/// Collective over comm, the same bits on any number of ranks. Minimises for every process
///     sum_num w ln(1 + exp(-s)) + sum_den w ln(1 + exp(s)) + ridge / 2 sum_i (w_i - 1 /
///     members)^2,
/// s = sum_i w_i f_i + c, both classes with weights of sum 1, by Newton steps over all events. The
/// ridge is the one with the smallest loss + 2 tr(J^-1 U): on other events the loss is larger by
/// tr(J^-1 U), as leave-one-out cross-validation tells to first order.
/// The covariance is the sandwich J^-1 U J^-T: J the derivative of the estimating equations, U the
/// covariance of their sums over the events. J is taken without the ridge: a ridge trades scatter
/// for bias, and what the events cannot tell stays uncertain. An event adds to U with all its
/// roles, as numerator of one process and in the reference of all, so that processes that share
/// events are correlated; scores are centred within each set, whose weights are normalised. Holds
/// the rows of this rank in memory.
/// \param ridge for all processes; without it each has its own
/// \throws AgreedError (usage) on every rank if a number is not finite, or what read() throws
MemberWeights fit_member_weights(const mpi::Communicator& comm,
                                 const MemberEvents& events,
                                 std::optional<double> ridge = std::nullopt);

/// a C a^T.
double variance_along(std::span<const double> covariance, std::span<const double> a);

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
