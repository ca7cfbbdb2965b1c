#pragma once

#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "newton.hpp"

namespace ratiofarm {

/// The box of a model's ranges, with its fixed parameters held.
SearchSpace search_space(const Likelihood& likelihood);

/// Collective over the likelihood's communicator. Least NLL with the parameter of interest held.
class Profile {
public:
    Profile(const Likelihood& likelihood, const FitResult& result);

    /// Position of the parameter of interest in theta.
    std::size_t poi() const { return poi_; }
    const SearchSpace& space() const { return space_; }

    /// The profiled minimum at a value of the parameter of interest.
    /// \param near where to start from, in u; the result's further minima are tried as well
    NewtonResult at(double internal_poi, const std::vector<double>& near) const;

    /// t = 2 (NLL - NLL of the result).
    double t(const NewtonResult& point) const { return 2.0 * (point.at.nll - best_nll_); }

    /// u of the result's best minimum.
    const std::vector<double>& best() const { return minima_.front(); }

private:
    const Likelihood& likelihood_;
    SearchSpace space_;
    std::size_t poi_;
    double best_nll_;
    bool nothing_else_free_;
    std::vector<std::vector<double>> minima_;  // in u
};

}  // namespace ratiofarm
