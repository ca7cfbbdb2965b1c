#pragma once

#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/binned_region.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

namespace ratiofarm {

/// The Poisson terms of one binned region, sum_b nu_b - n_b ln nu_b. Small, so every rank computes
/// all of it.
class BinnedTerm {
public:
    /// \param observed [bins], >= 0; need not be whole numbers (Asimov data)
    /// \throws ConfigError naming region, sample and bin if something does not fit together
    BinnedTerm(const BinnedRegion& region,
               std::span<const double> observed,
               const StatisticalModel& model,
               const InternalCoordinates& coordinates);

    /// Adds value, gradient, Hessian and Fisher part in internal coordinates. Where nu_b <= 0 and
    /// n_b > 0 the logarithm is continued as in Likelihood, with floor 1e-6 (counted in
    /// Evaluation::below_floor); a bin with n_b = 0 and nu_b = 0 adds nothing.
    void add(std::span<const double> u, Evaluation& to) const;

    /// nu_b. \param u internal  \return [bins]
    std::vector<double> expected(std::span<const double> u) const;

private:
    struct Factor;  // of a sample on some or all bins
    BinnedRegion region_;
    std::vector<double> observed_;
};

}  // namespace ratiofarm
