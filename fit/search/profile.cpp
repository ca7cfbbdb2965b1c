#include "profile.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

#include "fit/parameter_roles.hpp"

#include "dense.hpp"
#include "quintic.hpp"
#include "trust_region.hpp"

namespace ratiofarm {

namespace {

/// The profile point that a search with `held` components came to.
ProfilePoint profile_point(const NewtonResult& end,
                           const SearchSpace& space,
                           std::span<const std::size_t> held) {
    ProfilePoint point{.u = end.u, .nll = end.at.nll, .converged = end.converged()};
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
        point.u[a] = space.clamped(a, point.u[a] + step[k] * model.range[k]);
    }
    return point;
}

}  // namespace

SearchSpace search_space(const Likelihood& likelihood) {
    const auto low = likelihood.coordinates().low();
    const auto high = likelihood.coordinates().high();
    SearchSpace space{{low.begin(), low.end()}, {high.begin(), high.end()}, {}};
    const auto roles = parameter_roles(likelihood.model());
    for (std::size_t a = 0; a < roles.size(); ++a) {
        const Parameter& parameter = likelihood.model().parameters[a];
        space.held.push_back(parameter.fixed || roles[a].undetermined);
    }
    return space;
}

Profile::Profile(const Likelihood& likelihood,
                 const FitResult& result,
                 std::vector<std::size_t> held,
                 const NewtonResult* minimum)
    : likelihood_(likelihood),
      space_(search_space(likelihood)),
      held_(std::move(held)),
      best_nll_(result.nll) {
    RATIOFARM_EXPECT(!result.minima.empty() && !held_.empty());
    for (const std::size_t a : held_) space_.held[a] = true;
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

ProfilePoint Profile::follow(Branch& branch, std::span<const double> values) const {
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
    ProfilePoint point = profile_point(end, space_, held_);
    if (point.converged) branch.push_back(point);
    return point;
}

ProfilePoint Profile::at(std::span<const double> values) {
    RATIOFARM_EXPECT(values.size() == held_.size());
    ProfilePoint least = follow(branches_.front(), values);
    const bool nothing_free =
        std::all_of(space_.held.begin(), space_.held.end(), [](bool h) { return h; });
    for (std::size_t k = 1; k < branches_.size() && !nothing_free; ++k) {
        ProfilePoint other = follow(branches_[k], values);
        if (!(least.nll <= other.nll)) least = std::move(other);
    }
    return least;
}

}  // namespace ratiofarm
