#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/binned_region.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

#include "binned_sample.hpp"

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

    /// Adds value, gradient, Hessian and Fisher part in internal coordinates. The cost is that of
    /// the parameters that act on each bin, not of all. Below a floor of 1e-6 events the logarithm
    /// is continued as in Likelihood if n_b > 0; an expectation below zero where n_b = 0 meets a
    /// smooth wall. Both are counted in Evaluation::bins_below_floor. A bin with n_b = 0 and nu_b =
    /// 0 adds nothing.
    void add(std::span<const double> u, Evaluation& to) const;

    std::span<const double> observed() const { return observed_; }

    /// Sum over the samples of |their part of nu_b|. \param u internal  \return [bins]
    std::vector<double> sizes(std::span<const double> u) const;

    /// nu_b. \param u internal  \return [bins]
    std::vector<double> expected(std::span<const double> u) const;

private:
    struct Gradients;
    std::vector<SampleAt> samples_at(std::span<const double> u) const;
    std::vector<double> expected(std::span<const SampleAt> at) const;
    Gradients gradients(std::span<const SampleAt> at, std::span<const double> u) const;
    void add_outer(const Gradients& gradients,
                   std::span<const double> weight,
                   Evaluation& to) const;

    std::vector<CompiledSample> samples_;
    std::vector<double> observed_;
    std::vector<std::size_t> shared_;  ///< [A], positions in theta of what acts on all bins
    std::vector<std::vector<std::size_t>> own_;  ///< [bins], of what acts on this bin besides
    std::vector<std::size_t> place_in_shared_;   ///< [n], place in shared_, A if not in it
};

}  // namespace ratiofarm
