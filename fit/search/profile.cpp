#include "profile.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/impacts.hpp"

#include "fit/parameter_roles.hpp"

#include "dense.hpp"
#include "minima_search.hpp"
#include "quintic.hpp"
#include "trust_region.hpp"

namespace ratiofarm {

namespace {

/// The profile point that a search with `held` components came to.
ProfilePoint profile_point(const NewtonResult& end,
                           const SearchSpace& space,
                           std::span<const std::size_t> held) {
    ProfilePoint point{.u = end.u,
                       .nll = end.at.nll,
                       .converged = end.converged(),
                       .below_floor = end.at.below_floor};
    const std::size_t n = end.u.size();
    const std::size_t first = held.front();
    point.gradient = end.at.gradient[first];
    point.curvature = end.at.hessian[first * n + first];
    point.tangent.assign(held.size(), std::vector<double>(n));
    for (std::size_t h = 0; h < held.size(); ++h) point.tangent[h][held[h]] = 1.0;

    std::vector<std::size_t> free = end.curvature.free;
    std::erase_if(
        free, [&](std::size_t a) { return std::find(held.begin(), held.end(), a) != held.end(); });
    if (free.empty()) return point;
    const ScaledModel model(space, end.u, end.at, free);
    const dense::Cholesky factor(model.hessian);
    if (!factor.positive()) {
        point.tangent.clear();
        return point;
    }
    const dense::Vector step = dense::negative(factor.solve(model.gradient));
    for (std::size_t h = 0; h < held.size(); ++h) {
        dense::Vector mixed(free.size());
        for (std::size_t k = 0; k < free.size(); ++k) {
            mixed[k] = end.at.hessian[free[k] * n + held[h]] * model.range[k];
        }
        const dense::Vector tangent = dense::negative(factor.solve(mixed));
        for (std::size_t k = 0; k < free.size(); ++k) {
            point.tangent[h][free[k]] = tangent[k] * model.range[k];
        }
        if (h > 0) continue;
        point.gradient += dense::dot(tangent, model.gradient);
        point.curvature += dense::dot(tangent, mixed);
    }
    if (!end.converged()) return point;
    point.nll += 0.5 * dense::dot(step, model.gradient);
    for (std::size_t k = 0; k < free.size(); ++k) {
        const std::size_t a = free[k];
        point.u[a] = space.stepped(a, point.u[a], point.u[a] + step[k] * model.range[k]);
    }
    return point;
}

}  // namespace

SearchSpace search_space(const Likelihood& likelihood) {
    const auto low = likelihood.coordinates().low();
    const auto high = likelihood.coordinates().high();
    SearchSpace space{{low.begin(), low.end()}, {high.begin(), high.end()}, {}};
    const auto roles = parameter_roles(likelihood);
    for (std::size_t a = 0; a < roles.size(); ++a) {
        const Parameter& parameter = likelihood.model().parameters[a];
        space.held.push_back(parameter.fixed || roles[a].undetermined);
        space.kinked.push_back(roles[a].parity.kinked && parameter.low < 0.0 &&
                               parameter.high > 0.0);
    }
    return space;
}

std::vector<std::size_t> turning_components(const Likelihood& likelihood,
                                            const SearchSpace& space,
                                            std::span<const double> u) {
    // An effect with less information than this about its parameter makes no second minimum unless
    // the data are off by more than two standard deviations in just its direction.
    constexpr double least_turning = 0.05;
    std::vector<std::size_t> turning;
    const auto roles = parameter_roles(likelihood, u);
    for (std::size_t a = 0; a < roles.size(); ++a) {
        if (space.held[a]) continue;
        const double part = std::max(roles[a].turning, roles[a].turning_of_samples);
        if (part > least_turning || space.is_kinked(a)) turning.push_back(a);
    }
    return turning;
}

Profile::Profile(const Likelihood& likelihood,
                 const FitResult& result,
                 std::vector<std::size_t> held,
                 const NewtonResult* minimum)
    : likelihood_(likelihood),
      space_(search_space(likelihood)),
      held_(std::move(held)),
      best_nll_(result.nll),
      rounding_t_(std::max(1e-4, result.at_rounding ? 8.0 * result.edm : 0.0)) {
    RATIOFARM_EXPECT(!result.minima.empty() && !held_.empty());
    for (const std::size_t a : held_) space_.held[a] = true;
    const auto observed = likelihood.observed();
    for (std::size_t a = 0; a < observed.size(); ++a) {
        const Parameter& parameter = likelihood.model().parameters[a];
        const double width = constraint_width(parameter, observed[a]).value_or(0.0);
        if (width > 0.0 && !space_.held[a]) constrained_.push_back({a, width});
    }
    for (const auto& m : result.minima) {
        ProfilePoint point{.u = likelihood.coordinates().to_internal(m.parameters), .nll = m.nll};
        branches_.push_back({std::move(point)});
    }
    NewtonResult evaluated;
    if (minimum == nullptr) {
        evaluated.u = best().u;
        evaluated.at = likelihood.evaluate(evaluated.u);
        evaluated.end = NewtonEnd::converged;
        evaluated.curvature = curvature_at(space_, evaluated.u, evaluated.at);
        minimum = &evaluated;
    }
    branches_.front().front() = profile_point(*minimum, space_, held_);
}

Profile::Profile(const Likelihood& likelihood,
                 const FitResult& result,
                 std::vector<std::size_t> held)
    : Profile(likelihood, result, std::move(held), nullptr) {}

Profile::Profile(const Likelihood& likelihood,
                 const FitResult& result,
                 const NewtonResult& minimum,
                 std::vector<std::size_t> held)
    : Profile(likelihood, result, std::move(held), &minimum) {}

bool Profile::smooth() const {
    return std::none_of(space_.kinked.begin(), space_.kinked.end(), [](bool kink) { return kink; });
}

double Profile::distance(const ProfilePoint& point, std::span<const double> values) const {
    double sum = 0.0;
    for (std::size_t h = 0; h < held_.size(); ++h) {
        sum += std::pow((point.u[held_[h]] - values[h]) / space_.range(held_[h]), 2);
    }
    return std::sqrt(sum);
}

const ProfilePoint& Profile::nearest(const Branch& branch, std::span<const double> values) const {
    return *std::min_element(branch.begin(), branch.end(), [&](const auto& a, const auto& b) {
        return distance(a, values) < distance(b, values);
    });
}

std::vector<double> Profile::start(const Branch& branch, std::span<const double> values) const {
    const ProfilePoint* near = &nearest(branch, values);
    std::vector<double> u = near->u;
    const ProfilePoint* other = nullptr;  // the next one, for curved predictions along one line
    for (const auto& point : branch) {
        if (held_.size() > 1 || point.tangent.empty() || &point == near) continue;
        const double gap = std::abs(point.u[held_[0]] - near->u[held_[0]]);
        if (gap == 0.0 || std::abs(values[0] - near->u[held_[0]]) > 1.5 * gap) continue;
        if (other == nullptr || distance(point, values) < distance(*other, values)) other = &point;
    }
    for (std::size_t a = 0; a < u.size() && !near->tangent.empty(); ++a) {
        if (space_.held[a]) continue;
        const std::size_t x = held_[0];
        if (other != nullptr) {
            u[a] = Cubic{near->u[x],  near->u[a],  near->tangent[0][a],
                         other->u[x], other->u[a], other->tangent[0][a]}
                       .at(values[0]);
        } else {
            for (std::size_t h = 0; h < held_.size(); ++h) {
                u[a] += near->tangent[h][a] * (values[h] - near->u[held_[h]]);
            }
        }
        u[a] = space_.clamped(a, u[a]);
    }
    for (std::size_t h = 0; h < held_.size(); ++h) u[held_[h]] = values[h];
    return u;
}

NewtonResult Profile::follow(Branch& branch, std::span<const double> values) const {
    const auto objective = [this](std::span<const double> u) { return likelihood_.evaluate(u); };
    NewtonResult end = minimise(objective, space_, start(branch, values), {.edm = edm_});
    if (!end.converged()) {  // the prediction may mislead, and a new radius may help
        for (std::vector<double> from : {end.u, nearest(branch, values).u}) {
            for (std::size_t h = 0; h < held_.size(); ++h) from[held_[h]] = values[h];
            NewtonResult again = minimise(objective, space_, std::move(from), {.edm = edm_});
            if (again.converged() || again.at.nll < end.at.nll) end = std::move(again);
            if (end.converged()) break;
        }
    }
    if (end.converged()) branch.push_back(profile_point(end, space_, held_));
    return end;
}

/// Where a minimum may lie that no branch leads to: beyond 0 along turning components; halfway back
/// along constrained ones that were pushed away from the fit, and twice as far out, where their
/// interpolation may bend;
/// and far from the fit, where anything may lie deeper, over the whole range of each of them.
std::vector<std::vector<double>> Profile::starts_beyond(const Objective& objective,
                                                        const NewtonResult& from) const {
    constexpr double pushed = 0.4;       // widths
    constexpr double beyond_nll = 2.0;   // two standard deviations: nearer, a parabola holds
    constexpr double further_nll = 6.0;  // three and a half
    constexpr double far_in_nll = 12.5;  // five
    constexpr std::array places_of_range{0.0, 0.125, 0.375, 0.625, 0.875, 1.0};
    const double rise = from.at.nll - best_nll_;
    std::vector<std::vector<double>> starts;
    const auto add = [&](std::vector<std::vector<double>> more) {
        std::move(more.begin(), more.end(), std::back_inserter(starts));
    };
    if (stays_) return starts;
    for (const std::size_t axis : turning_components(likelihood_, space_, from.u)) {
        add(starts_across(objective, space_, from, axis));
    }
    for (const auto& [axis, width] : constrained_) {
        if (rise < beyond_nll) break;
        const double moved = from.u[axis] - best().u[axis];
        std::vector<double> places;
        if (std::abs(moved) > pushed * width) {
            places.push_back(from.u[axis] - 0.5 * moved);
            if (rise > further_nll) places.push_back(from.u[axis] + moved);
        }
        for (const double place : places_of_range) {
            if (rise < far_in_nll) break;
            places.push_back(space_.low[axis] + place * space_.range(axis));
        }
        if (!places.empty()) add(starts_at(objective, space_, from, axis, places));
    }
    return starts;
}

/// \param end the deepest of the branches \return it, or what lies deeper beyond
ProfilePoint Profile::look_across(NewtonResult end) {
    const auto objective = [this](std::span<const double> u) { return likelihood_.evaluate(u); };
    NewtonOptions options{.edm = edm_};
    constexpr int most_rounds = 4;
    for (int round = 0; round < most_rounds && end.converged(); ++round) {
        const NewtonResult from = end;
        options.already_known = [&](std::span<const double> u) {
            for (std::size_t a = 0; a < u.size(); ++a) {  // close minima on two sides of a kink
                if (space_.is_kinked(a) && std::signbit(u[a]) != std::signbit(from.u[a])) {
                    return false;
                }
            }
            return ratiofarm::distance(from, u) < 1e-2;
        };
        for (auto& start : starts_beyond(objective, from)) {
            NewtonResult other = minimise(objective, space_, std::move(start), options);
            if (other.end == NewtonEnd::known) continue;
            constexpr double clearly = 1e-3;
            for (int more = 0; more < 3 && !other.converged(); ++more) {
                if (!(other.at.nll < end.at.nll - clearly)) break;
                other = minimise(objective, space_, std::move(other.u), {.edm = edm_});
            }
            const double rounding = other.converged() ? edm_ : clearly;
            if (other.at.nll < end.at.nll - rounding) end = std::move(other);
        }
        if (!(end.at.nll < from.at.nll)) break;
        branches_.push_back({profile_point(end, space_, held_)});
    }
    return profile_point(end, space_, held_);
}

ProfilePoint Profile::at(std::span<const double> values) {
    RATIOFARM_EXPECT(values.size() == held_.size());
    NewtonResult least = follow(branches_.front(), values);
    const bool nothing_free =
        std::all_of(space_.held.begin(), space_.held.end(), [](bool h) { return h; });
    for (std::size_t k = 1; k < branches_.size() && !nothing_free; ++k) {
        NewtonResult other = follow(branches_[k], values);
        if (!(least.at.nll <= other.at.nll)) least = std::move(other);
    }
    ProfilePoint point = look_across(std::move(least));
    most_below_floor_ = std::max(most_below_floor_, point.below_floor);
    if (t(point) < 0.0 && !(deeper_ && deeper_->nll <= point.nll)) deeper_ = point;
    return point;
}

}  // namespace ratiofarm
