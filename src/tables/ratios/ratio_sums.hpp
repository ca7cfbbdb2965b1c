#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

#include "ratio_blocks.hpp"

namespace ratiofarm {

/// The reference as the sums see it.
struct ReferenceMixture {
    struct Component {
        std::uint64_t process = 0;  ///< column of log r
        double fraction = 0.0;      ///< pi_k
    };
    std::vector<Component> components;
    std::vector<double> fraction_of_set;  ///< [sets], 0 for sets that are not part of it
    std::uint64_t processes = 0;

    bool contains(std::uint64_t set) const { return fraction_of_set[set] > 0.0; }
};

/// \throws ConfigError if the header names a process or a sample that is not there
ReferenceMixture reference_mixture(const RatioInput& input);

/// Sums over the events of one block: w, w^2; per process w r, w^2 r, w^2 r^2; then w i, w i^2 with
/// i = sum_k pi_k r_k - 1.
std::vector<double> block_sums(const RatioBlockRows& block, const ReferenceMixture& mixture);

/// Collective over comm. Adds the sums of the blocks of each set in block order.
/// \param places  all reference blocks in order; rank r owns those that `mine` holds the sums of
/// \param mine    sums of this rank's blocks, one after the other
/// \return [sets][sums], the same bits for every number of ranks
std::vector<std::vector<double>> add_in_order(const mpi::Communicator& comm,
                                              std::span<const BlockPlace> places,
                                              std::span<const double> mine,
                                              const ReferenceMixture& mixture);

/// E_ref[r_j] - 1 and its error, per process.
struct Excess {
    std::vector<double> mean;
    std::vector<double> error;
};
Excess excess_of(const std::vector<std::vector<double>>& sums, const ReferenceMixture& mixture);

/// Mean and width of sum_k pi_k r_k - 1 over the reference.
MeanAndSpread identity_of(const std::vector<std::vector<double>>& sums,
                          const ReferenceMixture& mixture);

}  // namespace ratiofarm
