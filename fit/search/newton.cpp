#include "newton.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "dense.hpp"
#include "trust_region.hpp"

namespace ratiofarm {
namespace {

/// Below this gain a step near a minimum may be judged by its gradient: 0.14 standard deviations.
constexpr double settling_gain = 1e-2;

/// An edm that still counts as a minimum where rounding stops the search: 0.014 standard
/// deviations.
constexpr double rounding_edm = 1e-4;

/// A valley whose bottom is level and bent, as of a product of two parameters, seems to curve along
/// its bottom where one stands beside it: by the gradient times the bend, in units of the ranges.
constexpr double valley_bend = 10.0;

/// The rounding error of a value of the objective in double precision, generously.
double noise_of(const Evaluation& at) { return 1e-13 * (1.0 + std::abs(at.nll)); }

/// A step and the gain that its model promises.
struct Proposal {
    dense::Vector step;
    double gain = 0.0;
};

Proposal proposal(const ScaledModel& model, const dense::Matrix& hessian, double radius) {
    const auto gain_of = [&](const dense::Vector& step) {
        const double curved = dense::dot(step, dense::product(hessian, step));
        return -(dense::dot(model.gradient, step) + 0.5 * curved);
    };
    dense::Vector step = bounded_step(model.gradient, hessian, model.box, radius);
    const double gain = gain_of(step);
    if (gain > 0.0) return {std::move(step), gain};
    // Off a ridge a step may go to either side, of which the box may cut one.
    const StepBox mirrored{dense::negative(model.box.high), dense::negative(model.box.low)};
    dense::Vector other =
        dense::negative(bounded_step(dense::negative(model.gradient), hessian, mirrored, radius));
    return {other, gain_of(other)};
}

/// The size of a curvature along the bottom of a valley that only its bend makes: where the
/// gradient leads into the valley. At a saddle point it leads along what falls.
/// \param gradient in the frame of the eigenvectors
double beside_valley(const dense::Spectrum& spectrum, const dense::Vector& gradient) {
    const double curved = 1e-6 * dense::largest_size(spectrum.eigenvalues);
    double squares = 0.0;
    for (std::size_t k = 0; k < gradient.size(); ++k) {
        if (spectrum.eigenvalues[k] > curved) squares += gradient[k] * gradient[k];
    }
    return valley_bend * std::sqrt(squares);
}

/// The Hessian with directions along the bottom of a valley held: where nothing falls in earnest.
std::optional<dense::Matrix> valley_of(const ScaledModel& model) {
    dense::Spectrum spectrum = dense::spectrum_of(model.hessian);
    const double level =
        beside_valley(spectrum, dense::transposed_product(spectrum.eigenvectors, model.gradient));
    const double most_curved = dense::largest_size(spectrum.eigenvalues);
    for (double& lambda : spectrum.eigenvalues) {
        if (lambda < -level) return std::nullopt;
        if (lambda <= level) lambda = most_curved;
    }
    return dense::matrix_of(spectrum.eigenvectors, spectrum.eigenvalues);
}

/// One search: the current point with its model, and the radius.
class Search {
public:
    Search(const Objective& objective, const SearchSpace& space, std::vector<double> start)
        : objective_(objective), space_(space) {
        for (std::size_t a = 0; a < start.size(); ++a) start[a] = space.clamped(a, start[a]);
        result_.u = std::move(start);
        result_.at = objective_(result_.u);
        result_.curvature = curvature_at(space_, result_.u, result_.at);
        change_sides();
        reset_radius();
    }

    const NewtonResult& result() const { return result_; }
    bool stuck() const { return radius_ < 1e-13 || refused_near_minimum_ >= 2; }

    bool converged(double edm) const {
        const auto& curvature = result_.curvature;
        return curvature.edm <= edm || (curvature.flat && curvature.edm <= noise_of(result_.at));
    }

    bool at_rounding() const {
        return refused_near_minimum_ > 0 && result_.curvature.edm <= rounding_edm;
    }

    void iterate() {
        const Proposal next = best_proposal();
        if (!(next.gain > 0.0)) {  // a box that cuts the step can spoil it; a shorter one is good
            radius_ *= 0.25;
            return;
        }
        NewtonResult trial;
        trial.u = moved(next.step, result_.curvature.free);
        trial.at = objective_(trial.u);
        trial.curvature = curvature_at(space_, trial.u, trial.at);
        const double quality = quality_of(trial, next.gain);
        adapt_radius(quality, dense::norm(next.step));
        if (quality > 1e-4) {  // NaN is refused, too
            const bool arrived = arrives_at_kink(result_.u, trial.u);
            result_ = std::move(trial);
            refused_near_minimum_ = 0;
            if (arrived) change_sides();
        } else if (is_near_minimum() && next.gain <= settling_gain) {
            ++refused_near_minimum_;
        }
    }

    /// Where a kink holds components back: looks at its other side, and goes over where the
    /// function falls there. Their derivatives on one side do not depend on the sides of the
    /// others. \return true if one changed its side
    bool change_sides() {
        const std::vector<std::size_t> stopped = held_back();
        if (stopped.empty()) return false;
        NewtonResult other;
        other.u = result_.u;
        for (const std::size_t a : stopped) other.u[a] = -other.u[a];
        other.at = objective_(other.u);
        std::size_t changed = 0;
        for (const std::size_t a : stopped) {
            const bool falls =
                std::signbit(other.u[a]) ? other.at.gradient[a] > 0.0 : other.at.gradient[a] < 0.0;
            if (falls) ++changed;
            if (!falls) other.u[a] = result_.u[a];
        }
        if (changed == 0) return false;
        if (changed < stopped.size()) other.at = objective_(other.u);
        other.curvature = curvature_at(space_, other.u, other.at);
        result_ = std::move(other);
        refused_near_minimum_ = 0;
        if (stuck()) reset_radius();
        return true;
    }

    NewtonResult finish(NewtonEnd end) {
        result_.end = end;
        return std::move(result_);
    }

private:
    void reset_radius() {
        const auto n = static_cast<double>(result_.curvature.free.size());
        radius_ = 0.25 * std::sqrt(std::max(1.0, n));
    }

    /// Where a direction curves downwards, what it promises over the whole range counts.
    bool is_near_minimum() const {
        return result_.curvature.positive || result_.curvature.edm <= rounding_edm;
    }

    bool is_at_kink(std::size_t a, double value) const {
        return space_.is_kinked(a) && !space_.held[a] && value == 0.0;
    }

    bool arrives_at_kink(std::span<const double> from, std::span<const double> to) const {
        for (std::size_t a = 0; a < to.size(); ++a) {
            if (is_at_kink(a, to[a]) && from[a] != 0.0) return true;
        }
        return false;
    }

    std::vector<std::size_t> held_back() const {
        std::vector<std::size_t> stopped;
        const auto& free = result_.curvature.free;
        for (std::size_t a = 0; a < result_.u.size(); ++a) {
            if (!is_at_kink(a, result_.u[a])) continue;
            if (!std::binary_search(free.begin(), free.end(), a)) stopped.push_back(a);
        }
        return stopped;
    }

    Proposal best_proposal() const {
        const ScaledModel model(space_, result_.u, result_.at, result_.curvature.free);
        Proposal exact = proposal(model, model.hessian, radius_);
        if (result_.curvature.positive) return exact;
        if (result_.curvature.edm <= settling_gain) {
            const auto valley = valley_of(model);
            if (valley) return proposal(model, *valley, radius_);
        }
        if (result_.at.fisher.empty()) return exact;
        const dense::Matrix fisher = model.scaled(result_.at.fisher);
        if (!dense::Cholesky(fisher).positive()) return exact;
        Proposal expected = proposal(model, fisher, radius_);
        return expected.gain >= 0.1 * exact.gain ? expected : exact;
    }

    /// Gain over promised gain. Where rounding may hide the gain: 1 for a point nearer to the
    /// minimum by its own gradient.
    double quality_of(const NewtonResult& trial, double promised) const {
        const double gain = result_.at.nll - trial.at.nll;
        const double quality = gain / promised;
        const bool settling = result_.curvature.positive && trial.curvature.positive &&
                              promised <= settling_gain && gain >= -settling_gain;
        const bool nearer = trial.curvature.edm <= 0.25 * result_.curvature.edm;
        if (settling && nearer) return 1.0;
        if (promised > noise_of(result_.at)) return quality;
        // Directions that are not positive have no edm to compare: rounding decides there.
        const bool rises = gain < -noise_of(result_.at);
        return result_.curvature.positive || rises ? 0.0 : 1.0;
    }

    std::vector<double> moved(const dense::Vector& step, std::span<const std::size_t> free) const {
        std::vector<double> u = result_.u;
        for (std::size_t k = 0; k < free.size(); ++k) {
            const std::size_t a = free[k];
            u[a] = space_.stepped(a, u[a], u[a] + step[k] * space_.range(a));
        }
        return u;
    }

    void adapt_radius(double quality, double length) {
        if (!(quality >= 0.25)) {
            radius_ = 0.25 * length;
        } else if (quality > 0.75 && length > 0.8 * radius_) {
            radius_ *= 2.0;  // the box limits it
        }
    }

    const Objective& objective_;
    const SearchSpace& space_;
    NewtonResult result_;
    double radius_ = 0.25;
    int refused_near_minimum_ = 0;
};

/// 1 or -1: into the range from the end of it where a component is; 0 inside.
double sense_inwards(const SearchSpace& space, std::size_t a, double u) {
    if (u <= space.low_from(a, u)) return 1.0;
    return u >= space.high_from(a, u) ? -1.0 : 0.0;
}

/// True if the function rises, to second order, or stays on every way from the ends of some ranges
/// inwards, where its gradient is zero, with the other components at their minimum: no entry of the
/// reduced Hessian falls. A signal with two factors, both 0 in a deficit, is such a corner.
bool rests_in_corner(const ScaledModel& inside,
                     const ScaledModel& all,
                     std::span<const std::size_t> corner,  // places in all.free
                     std::span<const std::size_t> rest,    // likewise, of `inside`
                     std::span<const double> sense) {
    const dense::Cholesky factor(inside.hessian);
    if (!rest.empty() && !factor.positive()) return false;
    for (std::size_t k = 0; k < corner.size(); ++k) {
        dense::Vector mixed(rest.size());
        for (std::size_t r = 0; r < rest.size(); ++r) {
            mixed[r] = all.hessian(rest[r], corner[k]);
        }
        const dense::Vector moved = rest.empty() ? mixed : factor.solve(mixed);
        for (std::size_t l = 0; l < corner.size(); ++l) {
            double entry = all.hessian(corner[l], corner[k]);
            const double plain = std::abs(entry);
            for (std::size_t r = 0; r < rest.size(); ++r) {
                entry -= all.hessian(corner[l], rest[r]) * moved[r];
            }
            if (sense[k] * sense[l] * entry < -1e-12 * plain) return false;
        }
    }
    return true;
}

/// Takes out components that rest at an end of their range without a gradient.
/// \return true if there were any
bool leave_corner(const SearchSpace& space,
                  std::span<const double> u,
                  const Evaluation& at,
                  std::vector<std::size_t>& free) {
    std::vector<std::size_t> corner;
    std::vector<std::size_t> rest;
    std::vector<std::size_t> inside;
    dense::Vector sense;
    for (std::size_t k = 0; k < free.size(); ++k) {
        const std::size_t a = free[k];
        const double inwards = sense_inwards(space, a, u[a]);
        if (inwards != 0.0 && at.gradient[a] == 0.0) {
            corner.push_back(k);
            sense.push_back(inwards);
        } else {
            rest.push_back(k);
            inside.push_back(a);
        }
    }
    if (corner.empty()) return false;
    const ScaledModel all(space, u, at, free);
    if (!rests_in_corner({space, u, at, inside}, all, corner, rest, sense)) return false;
    free = std::move(inside);
    return true;
}

/// Adds what the components that are free tell. \return true where all directions curve upwards
bool add_curvature(const SearchSpace& space,
                   std::span<const double> u,
                   const Evaluation& at,
                   Curvature& curvature) {
    if (curvature.free.empty()) return true;
    const ScaledModel model(space, u, at, curvature.free);
    // Within the whole range and positive definite: no eigenvalues needed.
    if (const auto step = newton_step(model.gradient, model.hessian, 1.0)) {
        curvature.edm = -0.5 * dense::dot(model.gradient, *step);
        return true;
    }
    const dense::Spectrum spectrum = dense::spectrum_of(model.hessian);
    const dense::Vector g = dense::transposed_product(spectrum.eigenvectors, model.gradient);
    const double rounding = 1e-12 * dense::largest_size(spectrum.eigenvalues);
    const double level = beside_valley(spectrum, g);
    for (std::size_t k = 0; k < g.size(); ++k) {
        const double lambda = spectrum.eigenvalues[k];
        const bool within_range = lambda > 0.0 && std::abs(g[k]) <= lambda;
        const double falls = std::max(0.0, -lambda - level);
        curvature.edm += within_range ? 0.5 * g[k] * g[k] / lambda : std::abs(g[k]) + 0.5 * falls;
        curvature.flat = curvature.flat || std::abs(lambda) <= std::max(rounding, level);
        curvature.positive = curvature.positive && lambda > rounding;
    }
    return curvature.positive;
}

}  // namespace

double SearchSpace::clamped(std::size_t a, double value) const {
    // A side of the box is reached exactly, or it would not be recognised.
    const double rounding = 1e-15 * range(a);
    if (value < low[a] + rounding) return low[a];
    if (value > high[a] - rounding) return high[a];
    return value;
}

double SearchSpace::low_from(std::size_t a, double value) const {
    return is_kinked(a) && !std::signbit(value) ? 0.0 : low[a];
}

double SearchSpace::high_from(std::size_t a, double value) const {
    return is_kinked(a) && std::signbit(value) ? -0.0 : high[a];
}

double SearchSpace::stepped(std::size_t a, double from, double value) const {
    value = clamped(a, value);
    if (!is_kinked(a)) return value;
    const double rounding = 1e-15 * range(a);
    if (std::signbit(from)) return value > -rounding ? -0.0 : value;
    return value < rounding ? 0.0 : value;
}

double distance(const NewtonResult& known, std::span<const double> u) {
    const std::size_t n = u.size();
    double sum = 0.0;
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            sum += known.at.hessian[a * n + b] * (u[a] - known.u[a]) * (u[b] - known.u[b]);
        }
    }
    return std::abs(sum);
}

Curvature curvature_at(const SearchSpace& space, std::span<const double> u, const Evaluation& at) {
    Curvature curvature;
    for (std::size_t a = 0; a < u.size(); ++a) {
        const bool pushed_out = (u[a] <= space.low_from(a, u[a]) && at.gradient[a] > 0.0) ||
                                (u[a] >= space.high_from(a, u[a]) && at.gradient[a] < 0.0);
        if (!space.held[a] && !pushed_out) curvature.free.push_back(a);
    }
    if (!add_curvature(space, u, at, curvature) && leave_corner(space, u, at, curvature.free)) {
        curvature = {.free = std::move(curvature.free)};
        add_curvature(space, u, at, curvature);
    }
    return curvature;
}

NewtonResult minimise(const Objective& objective,
                      const SearchSpace& space,
                      std::vector<double> start,
                      const NewtonOptions& options) {
    Search search(objective, space, std::move(start));
    for (unsigned iteration = 0; iteration < options.max_iterations; ++iteration) {
        if (search.converged(options.edm)) {
            if (search.change_sides()) continue;
            return search.finish(NewtonEnd::converged);
        }
        if (options.already_known && options.already_known(search.result().u)) {
            return search.finish(NewtonEnd::known);
        }
        if (search.stuck() && !search.change_sides()) break;
        search.iterate();
    }
    if (search.converged(options.edm)) return search.finish(NewtonEnd::converged);
    return search.finish(search.at_rounding() ? NewtonEnd::at_rounding : NewtonEnd::not_converged);
}

}  // namespace ratiofarm
