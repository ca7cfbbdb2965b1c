#include "minima_search.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "dense.hpp"
#include "quintic.hpp"
#include "trust_region.hpp"

namespace ratiofarm {
namespace {

/// The profile along one axis at one place, by one Newton step of the other components.
struct Probe {
    double x = 0.0;
    double nll = 0.0;
    double gradient = 0.0;
    double curvature = 0.0;
    std::vector<double> u;        // after the step
    std::vector<double> tangent;  // du/dx; zero where it is unknown
    bool minimum = false;         // the known one
    bool at_end = false;          // of the range, where the gradient of a minimum need not be zero
    bool refined = false;         // the others moved by a second step
};

Probe probe_of(const SearchSpace& space,
               std::size_t axis,
               std::span<const double> u,
               const Evaluation& at) {
    const std::size_t n = u.size();
    Probe probe{u[axis],
                at.nll,
                at.gradient[axis],
                at.hessian[axis * n + axis],
                {u.begin(), u.end()},
                std::vector<double>(n)};
    probe.tangent[axis] = 1.0;
    SearchSpace others = space;
    others.held[axis] = true;
    const std::vector<std::size_t> free = curvature_at(others, u, at).free;
    if (free.empty()) return probe;

    const ScaledModel model(others, u, at, free);
    dense::Cholesky factor(model.hessian);
    if (!factor.positive() && !at.fisher.empty()) {
        factor = dense::Cholesky(model.scaled(at.fisher));
    }
    if (!factor.positive()) return probe;
    dense::Vector mixed(free.size());
    for (std::size_t k = 0; k < free.size(); ++k) {
        mixed[k] = at.hessian[free[k] * n + axis] * model.range[k];
    }
    dense::Vector step = dense::negative(factor.solve(model.gradient));
    for (std::size_t k = 0; k < free.size(); ++k) {
        step[k] = std::min(std::max(step[k], model.box.low[k]), model.box.high[k]);
    }
    const dense::Vector tangent = dense::negative(factor.solve(mixed));
    probe.nll += dense::dot(step, model.gradient) +
                 0.5 * dense::dot(step, dense::product(model.hessian, step));
    probe.gradient += dense::dot(step, mixed);
    probe.curvature += dense::dot(tangent, mixed);
    for (std::size_t k = 0; k < free.size(); ++k) {
        const std::size_t a = free[k];
        probe.u[a] = space.stepped(a, u[a], u[a] + step[k] * model.range[k]);
        probe.tangent[a] = tangent[k] * model.range[k];
    }
    return probe;
}

/// Where a cubic through both probes has its minimum, if that lies between them.
std::optional<double> cubic_dip(const Probe& left, const Probe& right) {
    const double h = right.x - left.x;
    const double chord = (right.nll - left.nll) / h;
    const double third = left.gradient + right.gradient - 2.0 * chord;
    const double second = 3.0 * chord - 2.0 * left.gradient - right.gradient;
    // gradient(s) = left.gradient + 2 second s + 3 third s^2 at x = left.x + s h
    const double discriminant = second * second - 3.0 * third * left.gradient;
    if (discriminant <= 0.0) return std::nullopt;
    const double root = second + std::copysign(std::sqrt(discriminant), second);
    for (const double s : {-root / (3.0 * third), -left.gradient / root}) {
        const bool rises = second + 3.0 * third * s > 0.0;
        if (s > 0.0 && s < 1.0 && rises) return left.x + s * h;
    }
    return std::nullopt;
}

/// As cubic_dip() beside a known minimum, whose curvature is used as well.
std::optional<double> quartic_dip(const Probe& minimum, const Probe& probe) {
    const double h = probe.x - minimum.x;  // may be negative
    const double c = minimum.curvature * h * h;
    const double rise = probe.nll - minimum.nll;
    const double fourth = probe.gradient * h - 3.0 * rise + 0.5 * c;
    const double third = rise - 0.5 * c - fourth;
    // gradient(s) = s (c + 3 third s + 4 fourth s^2)
    const double discriminant = 9.0 * third * third - 16.0 * fourth * c;
    if (discriminant <= 0.0 || c <= 0.0) return std::nullopt;
    for (const double sign : {-1.0, 1.0}) {
        const double s = (-3.0 * third + sign * std::sqrt(discriminant)) / (8.0 * fourth);
        const bool rises = c + 6.0 * third * s + 12.0 * fourth * s * s > 0.0;
        if (s > 0.0 && s < 1.0 && rises) return minimum.x + s * h;
    }
    return std::nullopt;
}

/// Between a known minimum and a probe whose gradient leads back to it.
std::optional<double> dip_beside(const Probe& minimum, const Probe& probe) {
    const auto dip = minimum.at_end ? (minimum.x < probe.x ? cubic_dip(minimum, probe)
                                                           : cubic_dip(probe, minimum))
                                    : quartic_dip(minimum, probe);
    if (dip || probe.nll >= minimum.nll) return dip;
    return 0.5 * (minimum.x + probe.x);  // lower than the known one
}

/// A place between two neighbours where a minimum must or may lie that is not known yet.
std::optional<double> dip_between(const Probe& left, const Probe& right) {
    if (left.minimum) return right.gradient < 0.0 ? std::nullopt : dip_beside(left, right);
    if (right.minimum) return left.gradient > 0.0 ? std::nullopt : dip_beside(right, left);
    if (left.gradient > 0.0 && right.gradient < 0.0) return std::nullopt;  // a hill
    if (left.gradient <= 0.0 && right.gradient >= 0.0) {
        return cubic_dip(left, right).value_or(0.5 * (left.x + right.x));
    }
    return cubic_dip(left, right);
}

/// Places beyond 0: where an even effect is the same and at least one unit from it, and nearer,
/// where what another parameter makes good is not too far; both sides for a minimum near 0. At a
/// kink also the zero of the other side.
std::vector<double> places_across(const SearchSpace& space, std::size_t axis, double here) {
    constexpr double unit = 1.0;
    constexpr double near = 0.3;
    std::vector<double> places;
    if (space.low[axis] >= 0.0 || space.high[axis] <= 0.0) return places;
    if (space.is_kinked(axis) && here != 0.0) places.push_back(here > 0.0 ? -0.0 : 0.0);
    for (const double part : {near, 1.0}) {
        if (here > -near) places.push_back(space.clamped(axis, -part * std::max(here, unit)));
        if (here < near) places.push_back(space.clamped(axis, part * std::max(-here, unit)));
    }
    return places;
}

std::vector<double> between(std::size_t axis, const Probe& a, const Probe& b, double x) {
    const Probe& near = std::abs(a.x - x) < std::abs(b.x - x) ? a : b;
    std::vector<double> u = near.u;
    u[axis] = x;
    return u;
}

/// Where to descend from, if a probe may see another minimum: the profile falls away from the known
/// one, or it has risen by less than half of what a parabola would, or a quartic dips.
std::optional<std::vector<double>> start_beyond(std::size_t axis,
                                                const Probe& known,
                                                const Probe& probe) {
    const double h = probe.x - known.x;
    const double rise = probe.nll - known.nll;
    const bool falls = probe.gradient * h < 0.0;
    const bool shallow = rise < 0.25 * known.curvature * h * h;
    if (rise < worthwhile_depth && (falls || shallow)) return probe.u;
    if (rise > 4.0 * worthwhile_depth) return std::nullopt;
    const auto dip = quartic_dip(known, probe);
    if (!dip) return std::nullopt;
    return between(axis, known, probe, *dip);
}

/// The search with what it has found so far.
class MinimaSearch {
public:
    MinimaSearch(const Objective& objective,
                 const SearchSpace& space,
                 const MinimaSearchOptions& options)
        : space_(space), options_(options) {
        objective_ = [this, &objective](std::span<const double> u) {
            ++passes_;
            return objective(u);
        };
        options_.newton.already_known = [this](std::span<const double> u) { return is_known(u); };
    }

    FoundMinima run(const std::vector<double>& start) {
        descend(start);
        const std::uint64_t first = passes_;
        const bool converged = !minima_.empty();
        for (const std::size_t axis : options_.axes) {
            if (space_.held[axis] || options_.starts == 0) continue;
            converged ? look_along(axis) : descend_along(axis, start);
        }
        for (const auto& place : options_.places) descend(place);
        if (!minima_.empty() && options_.starts > 0) look_across();
        if (!minima_.empty() && options_.starts > 0 && ran_to_an_end()) look_from_ends(start);
        const auto failed =
            std::min_element(failed_.begin(), failed_.end(),
                             [](const auto& a, const auto& b) { return a.at.nll < b.at.nll; });
        if (failed != failed_.end() && lies_deeper(*failed)) {
            minima_.insert(minima_.begin(), std::move(*failed));
        }
        return {std::move(minima_), first, passes_ - first};
    }

private:
    /// Below every minimum, by more than what counts as the same one.
    bool lies_deeper(const NewtonResult& end) const {
        return minima_.empty() ||
               end.at.nll < minima_[deepest()].at.nll - 0.5 * options_.same_minimum;
    }

    bool is_known(std::span<const double> u) const {
        return std::any_of(minima_.begin(), minima_.end(), [&](const auto& known) {
            return distance(known, u) < options_.same_minimum;
        });
    }

    void descend(std::vector<double> start) {
        NewtonResult end = minimise(objective_, space_, std::move(start), options_.newton);
        if (end.end == NewtonEnd::known) return;
        if (lies_deeper(end) && !end.converged()) {
            end = minimise(objective_, space_, std::move(end.u), options_.newton);
        }
        if (end.converged() && is_known(end.u)) return;
        (end.converged() ? minima_ : failed_).push_back(std::move(end));
    }

    /// The midpoints of equal cells over the range: the ends are poor starts.
    double place(std::size_t axis, unsigned k) const {
        return space_.low[axis] + (k + 0.5) / options_.starts * space_.range(axis);
    }

    /// Without a minimum to compare with: full descents.
    void descend_along(std::size_t axis, const std::vector<double>& start) {
        for (unsigned k = 0; k < options_.starts; ++k) {
            std::vector<double> from = start;
            from[axis] = place(axis, k);
            descend(std::move(from));
        }
    }

    /// Evaluates at a place of the axis, the others as the nearest probe predicts them, and moves
    /// them on where that was far from their minimum: a valley that bends would seem to rise.
    Probe look_at(std::size_t axis, double x, const Probe& near) {
        std::vector<double> u = near.u;
        for (std::size_t a = 0; a < u.size(); ++a) {
            if (!space_.held[a]) u[a] = space_.clamped(a, u[a] + near.tangent[a] * (x - near.x));
        }
        u[axis] = x;
        SearchSpace others = space_;
        others.held[axis] = true;
        const NewtonResult end =
            minimise(objective_, others, std::move(u), {.max_iterations = 3, .edm = 1.0});
        return probe_of(space_, axis, end.u, end.at);
    }

    /// Outwards from the first minimum, then descents where the probes show more.
    void look_along(std::size_t axis) {
        Probe known = probe_of(space_, axis, minima_.front().u, minima_.front().at);
        known.minimum = true;
        known.at_end = known.x <= space_.low[axis] || known.x >= space_.high[axis];
        std::vector<Probe> probes{known};
        for (unsigned k = 0; k < options_.starts; ++k) {
            if (place(axis, k) > known.x) {
                probes.push_back(look_at(axis, place(axis, k), probes.back()));
            }
        }
        for (unsigned k = options_.starts; k-- > 0;) {
            if (place(axis, k) < known.x) {
                probes.insert(probes.begin(), look_at(axis, place(axis, k), probes.front()));
            }
        }
        std::vector<std::vector<double>> starts;
        add_end(axis, probes.front(), space_.low[axis], starts);
        for (std::size_t k = 0; k + 1 < probes.size(); ++k) {
            add_dip(axis, probes[k], probes[k + 1], starts);
        }
        add_end(axis, probes.back(), space_.high[axis], starts);
        for (auto& start : starts) descend(std::move(start));
    }

    std::size_t deepest() const {
        return static_cast<std::size_t>(
            std::min_element(minima_.begin(), minima_.end(),
                             [](const auto& a, const auto& b) { return a.at.nll < b.at.nll; }) -
            minima_.begin());
    }

    /// Of the range of a component along which nothing was looked for: far from where it began.
    bool ran_to_an_end() const {
        const std::vector<double>& u = minima_[deepest()].u;
        for (std::size_t a = 0; a < u.size(); ++a) {
            const bool at_end = u[a] <= space_.low[a] || u[a] >= space_.high[a];
            const auto& axes = options_.axes;
            if (at_end && !space_.held[a] && std::ranges::find(axes, a) == axes.end()) return true;
        }
        return false;
    }

    /// From both ends of each axis, all others where they began.
    void look_from_ends(const std::vector<double>& start) {
        for (const std::size_t axis : options_.axes) {
            for (const double end : {space_.low[axis], space_.high[axis]}) {
                std::vector<double> from = start;
                from[axis] = end;
                if (!space_.held[axis]) descend(std::move(from));
            }
        }
        look_across();
    }

    /// A combination of sides is reached one side at a time, each from the deepest minimum so far.
    void look_across() {
        if (!options_.turning) return;
        constexpr int most_rounds = 6;
        for (int round = 0; round < most_rounds; ++round) {
            const std::size_t from = deepest();
            const NewtonResult known = minima_[from];
            for (const std::size_t axis : options_.turning(known.u)) {
                if (!space_.held[axis]) look_across(axis, known);
            }
            if (deepest() == from) return;
        }
    }

    void look_across(std::size_t axis, const NewtonResult& known) {
        for (auto& start : starts_across(objective_, space_, known, axis)) {
            descend(std::move(start));
        }
    }

    /// A probe whose others were far from their minimum misleads: take their next step, too.
    void refine(std::size_t axis, Probe& probe) {
        if (probe.minimum || probe.refined) return;
        probe = probe_of(space_, axis, probe.u, objective_(probe.u));
        probe.refined = true;
    }

    /// Adds a start where the profile falls from the outermost probe to the end of the range.
    void add_end(std::size_t axis,
                 Probe& probe,
                 double end,
                 std::vector<std::vector<double>>& starts) {
        const auto falls = [&] {
            const double promised = probe.nll + probe.gradient * (end - probe.x);
            return !probe.minimum && promised < std::min(probe.nll, worth_knowing());
        };
        if (falls()) refine(axis, probe);
        if (falls()) starts.push_back(probe.u);
    }

    void add_dip(std::size_t axis,
                 Probe& left,
                 Probe& right,
                 std::vector<std::vector<double>>& starts) {
        const auto dip = [&]() -> std::optional<double> {
            const auto x = dip_between(left, right);
            const Cubic cubic{left.x, left.nll, left.gradient, right.x, right.nll, right.gradient};
            return x && cubic.at(*x) < worth_knowing() ? x : std::nullopt;
        };
        if (!dip()) return;
        refine(axis, left);
        refine(axis, right);
        if (const auto x = dip()) starts.push_back(between(axis, left, right, *x));
    }

    /// Minima above this value are not looked for.
    double worth_knowing() const { return minima_[deepest()].at.nll + options_.depth; }

    const SearchSpace& space_;
    MinimaSearchOptions options_;
    Objective objective_;
    std::vector<NewtonResult> minima_;
    std::vector<NewtonResult> failed_;
    std::uint64_t passes_ = 0;
};

}  // namespace

std::vector<std::vector<double>> starts_across(const Objective& objective,
                                               const SearchSpace& space,
                                               const NewtonResult& known,
                                               std::size_t axis) {
    return starts_at(objective, space, known, axis, places_across(space, axis, known.u[axis]));
}

std::vector<std::vector<double>> starts_at(const Objective& objective,
                                           const SearchSpace& space,
                                           const NewtonResult& known,
                                           std::size_t axis,
                                           const std::vector<double>& places) {
    Probe base = probe_of(space, axis, known.u, known.at);
    base.minimum = true;
    std::vector<std::vector<double>> starts;
    for (const double x : places) {
        std::vector<double> u = known.u;  // the others as they are: an even effect is the same
        u[axis] = space.clamped(axis, x);
        if (space.is_kinked(axis)) {  // what is known on this side tells nothing of the other one
            starts.push_back(std::move(u));
            continue;
        }
        const Probe probe = probe_of(space, axis, u, objective(u));
        if (auto start = start_beyond(axis, base, probe)) starts.push_back(*std::move(start));
    }
    return starts;
}

FoundMinima find_minima(const Objective& objective,
                        const SearchSpace& space,
                        const std::vector<double>& start,
                        const MinimaSearchOptions& options) {
    return MinimaSearch(objective, space, options).run(start);
}

}  // namespace ratiofarm
