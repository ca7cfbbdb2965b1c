#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "newton.hpp"

namespace ratiofarm {

/// The box of a model's ranges. Held are fixed parameters and those that nothing depends on.
SearchSpace search_space(const Likelihood& likelihood);

/// Components that may have a minimum on either side of 0 (MinimaSearchOptions::turning). An effect
/// on a sample counts as much as there is of the sample at u.
std::vector<std::size_t> turning_components(const Likelihood& likelihood,
                                            const SearchSpace& space,
                                            std::span<const double> u);

/// A minimum over the components that are free while some others are held, as a function of those.
struct ProfilePoint {
    std::vector<double> u;   ///< one Newton step beyond where the last pass was
    double nll = 0.0;        ///< at u, by the same step
    double gradient = 0.0;   ///< dNLL/du of the profile along the first held component
    double curvature = 0.0;  ///< its second derivative
    std::vector<std::vector<double>> tangent = {};  ///< [held][n], du/du_held; empty if unknown
    bool converged = true;
    std::uint64_t below_floor = 0;  ///< events whose mixture was below its floor
};

/// Least NLL with some parameters held. Remembers the points it came to and starts from what their
/// tangents predict: alpha(mu + d) = alpha - H_aa^-1 H_a,mu d, to third order between two points.
/// Where the fit found several minima, each is followed and the deepest one counts; at each place
/// the other sides of turning components are probed, too, and constrained ones that moved far.
class Profile {
public:
    /// Collective over the likelihood's communicator, one pass. \param held at least one parameter
    Profile(const Likelihood& likelihood, const FitResult& result, std::vector<std::size_t> held);

    /// Without a pass: \param minimum where the result's best minimum is
    Profile(const Likelihood& likelihood,
            const FitResult& result,
            const NewtonResult& minimum,
            std::vector<std::size_t> held);

    /// Collective over the likelihood's communicator. The deepest point that any branch came to:
    /// one that did not converge is not replaced by a branch that lies higher. \param values of the
    /// held parameters, in u, inside their ranges
    ProfilePoint at(std::span<const double> values);
    ProfilePoint at(double value) { return at(std::span(&value, 1)); }

    /// How near to the minimum a search must come; the Newton step that is left is taken without a
    /// pass, with an error of the order of this to the power of 3/2 in t.
    void accept(double edm) { edm_ = edm; }

    /// t = 2 (NLL - NLL of the result); what is below 0 by rounding is 0.
    double t(const ProfilePoint& point) const {
        const double t = 2.0 * (point.nll - best_nll_);
        return t < 0.0 && t > -rounding_t_ ? 0.0 : t;
    }

    /// The deepest point so far that lies below the result's minimum by more than rounding: the
    /// search has missed a minimum. Null if there is none. u, from where a descent leads there.
    const std::vector<double>* deeper() const { return deeper_ ? &deeper_->u : nullptr; }

    /// The largest number of events below their floor at any point so far.
    std::uint64_t most_below_floor() const { return most_below_floor_; }

    /// Looks for no other minima from now on.
    void stay_on_branches() { stays_ = true; }

    /// The result's best minimum.
    const ProfilePoint& best() const { return branches_.front().front(); }
    std::size_t n_branches() const { return branches_.size(); }
    /// False if a parameter has a kink: a curve through computed places would miss it.
    bool smooth() const;
    std::size_t held(std::size_t k = 0) const { return held_[k]; }
    const SearchSpace& space() const { return space_; }

private:
    using Branch = std::vector<ProfilePoint>;
    Profile(const Likelihood& likelihood,
            const FitResult& result,
            std::vector<std::size_t> held,
            const NewtonResult* minimum);
    double distance(const ProfilePoint& point, std::span<const double> values) const;
    const ProfilePoint& nearest(const Branch& branch, std::span<const double> values) const;
    std::vector<double> start(const Branch& branch, std::span<const double> values) const;
    NewtonResult follow(Branch& branch, std::span<const double> values) const;
    std::vector<std::vector<double>> starts_beyond(const Objective& objective,
                                                   const NewtonResult& from) const;
    ProfilePoint look_across(NewtonResult end);

    const Likelihood& likelihood_;
    SearchSpace space_;
    std::vector<std::size_t> held_;
    double best_nll_;
    double rounding_t_ = 1e-4;
    double edm_ = 1e-8;
    std::optional<ProfilePoint> deeper_;
    std::uint64_t most_below_floor_ = 0;
    std::vector<Branch> branches_;  // one per minimum, the result's first
    bool stays_ = false;            // on its branches
    std::vector<std::pair<std::size_t, double>> constrained_;  // components and their widths
};

}  // namespace ratiofarm
