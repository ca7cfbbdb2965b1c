#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm::mpi {

/// Sums whose bits do not depend on the order of their terms, so that neither ranks nor threads can
/// change them. Every term is cut on absolute boundaries of 40 bits; of each sum the pieces within
/// 80 to 120 bits below its largest term are kept and added as integers. At most 2^20 terms a sum.
class ExactSums {
public:
    /// \param width number of sums, all 0
    explicit ExactSums(std::size_t width = 0);

    /// One term more for every sum. \param terms [width()]
    void add(std::span<const double> terms);
    void add(const ExactSums& other);  ///< all terms of other; \param other of the same width

    /// [width()], rounded to double; NaN where a term was not finite.
    std::vector<double> values() const;
    std::size_t width() const { return top_.size(); }

private:
    friend std::vector<double> exact_sum(const Communicator& comm, ExactSums mine);

    void raise(std::size_t sum, std::int8_t top);
    void scale(std::span<const double> terms, std::size_t first, double* scaled);

    std::vector<std::int8_t> top_;     // [width], piece of the largest term, counted in 40 bits
    std::vector<double> unit_;         // [width], 2^(-40 top), or 0 where a term was not finite
    std::vector<std::int64_t> limbs_;  // [3][width], units of 2^(40 (top - k))
};

/// Collective over comm. The sums over all ranks, the same bits on every rank.
/// \param mine of the same width on every rank
std::vector<double> exact_sum(const Communicator& comm, ExactSums mine);

}  // namespace ratiofarm::mpi
