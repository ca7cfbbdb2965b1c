#include "parameter_roles.hpp"

#include <map>
#include <set>
#include <string>

#include "ratiofarm/physics/internal_coordinates.hpp"

namespace ratiofarm {
namespace {

struct Roles {
    std::set<std::string> used;
    std::set<std::string> curved;
};

/// \param weight of a parameter's power: 2 where u = sqrt(p), 0 where it cannot move far
void add_coefficient(const Coefficient& coefficient,
                     const std::map<std::string, double>& weight,
                     Roles& roles) {
    for (const auto& term : coefficient.terms) {
        double order = 0.0;
        for (const auto& factor : term.factors) {
            roles.used.insert(factor.parameter);
            const auto found = weight.find(factor.parameter);
            if (found != weight.end()) order += factor.power * found->second;
        }
        if (order < 1.5) continue;
        for (const auto& factor : term.factors) {
            const auto found = weight.find(factor.parameter);
            if (found != weight.end() && found->second > 0.0) roles.curved.insert(factor.parameter);
        }
    }
}

void add_region(const UnbinnedRegion& region,
                const std::map<std::string, double>& weight,
                Roles& roles) {
    for (const auto& process : region.processes) {
        add_coefficient(process.coefficient, weight, roles);
        for (const auto& effect : process.systematics) {
            if (effect.yield || effect.shape) roles.used.insert(effect.parameter);
        }
    }
}

void add_region(const BinnedRegion& region,
                const std::map<std::string, double>& weight,
                Roles& roles) {
    for (const auto& sample : region.samples) {
        add_coefficient(sample.coefficient, weight, roles);
        for (const auto& effect : sample.yields) roles.used.insert(effect.parameter);
        for (const auto& effect : sample.shapes) roles.used.insert(effect.parameter);
        for (const auto& factors : sample.factors) {
            roles.used.insert(factors.parameters.begin(), factors.parameters.end());
        }
    }
}

}  // namespace

std::vector<ParameterRole> parameter_roles(const StatisticalModel& model) {
    const InternalCoordinates coordinates(model);
    std::map<std::string, double> weight;
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const Parameter& parameter = model.parameters[a];
        const bool confined =
            parameter.fixed || parameter.constraint.kind != Constraint::Kind::none;
        weight[parameter.name] = confined ? 0.0 : (coordinates.is_root(a) ? 2.0 : 1.0);
    }
    Roles found;
    for (const auto& region : model.unbinned) add_region(region, weight, found);
    for (const auto& region : model.binned) add_region(region, weight, found);

    std::vector<ParameterRole> roles;
    for (const auto& parameter : model.parameters) {
        const bool used = found.used.contains(parameter.name);
        const bool constrained = parameter.constraint.kind != Constraint::Kind::none;
        roles.push_back({.used = used,
                         .undetermined = !used && !constrained,
                         .several_minima = found.curved.contains(parameter.name)});
    }
    return roles;
}

}  // namespace ratiofarm
