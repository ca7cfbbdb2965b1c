#include "parameter_roles.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>

#include "ratiofarm/physics/internal_coefficient.hpp"
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

/// How much the sides of an effect change what is expected.
struct Shift {
    double up = 0.0;
    double down = 0.0;
};

bool is_kinked(Interpolation code, const Anchors& anchors) {
    const double odd = 1e-12;
    if (code == Interpolation::code0) return std::abs(anchors.up + anchors.down - 2.0) > odd;
    return code == Interpolation::code1 && std::abs(anchors.up * anchors.down - 1.0) > odd;
}

/// The parities of yields and bins, of samples as large as their coefficients are at u.
class Parities {
public:
    Parities(const Likelihood& likelihood,
             std::span<const double> u,
             std::vector<ParameterRole>& roles)
        : model_(likelihood.model()),
          coordinates_(likelihood.coordinates()),
          u_(u.begin(), u.end()),
          roles_(roles) {}

    void add(const UnbinnedRegion& region) {
        double all = 0.0;
        std::map<std::size_t, std::vector<Shift>> shifts;
        for (const auto& process : region.processes) {
            const double rate = process.yield * value_of(process.coefficient);
            all += rate;
            for (const auto& effect : process.systematics) {
                if (!effect.yield) continue;
                // Processes are told apart by the events, so each counts by itself.
                std::vector<Shift>& list = shifts[parameter_index(model_, effect.parameter)];
                list.push_back(
                    {rate * (effect.yield->up - 1.0), rate * (effect.yield->down - 1.0)});
                note_kink(effect.parameter, is_kinked(effect.yield_code, *effect.yield));
            }
        }
        for (const auto& [a, list] : shifts) {
            for (const Shift& shift : list) add_bin(a, shift, all);
        }
    }

    void add(const BinnedRegion& region) {
        std::vector<double> all(region.n_bins());
        std::vector<Shifts> of_samples(region.samples.size());
        for (std::size_t k = 0; k < region.samples.size(); ++k) {
            const auto& sample = region.samples[k];
            const double factor = value_of(sample.coefficient);
            const auto shifts_of = [&](const std::string& parameter) {
                std::vector<Shift>& list = of_samples[k][parameter_index(model_, parameter)];
                list.resize(all.size());
                return std::span(list);
            };
            for (std::size_t b = 0; b < all.size(); ++b) all[b] += factor * sample.contents[b];
            for (const auto& effect : sample.yields) {
                const auto list = shifts_of(effect.parameter);
                for (std::size_t b = 0; b < all.size(); ++b) {
                    list[b].up += factor * sample.contents[b] * (effect.anchors.up - 1.0);
                    list[b].down += factor * sample.contents[b] * (effect.anchors.down - 1.0);
                }
                note_kink(effect.parameter, is_kinked(effect.code, effect.anchors));
            }
            for (const auto& effect : sample.shapes) {
                const auto list = shifts_of(effect.parameter);
                bool odd = true;
                for (std::size_t b = 0; b < all.size(); ++b) {
                    const double content = sample.contents[b];
                    const Shift own{effect.up[b] - content, effect.down[b] - content};
                    list[b].up += factor * own.up;
                    list[b].down += factor * own.down;
                    odd = odd && std::abs(own.up + own.down) <= 1e-12 * std::abs(content);
                }
                note_kink(effect.parameter, effect.code == Interpolation::code0 && !odd);
            }
        }
        Shifts shifts;
        for (const Shifts& of_sample : of_samples) {
            for (const auto& [a, list] : of_sample) {
                std::vector<Shift>& sum = shifts[a];
                sum.resize(all.size());
                for (std::size_t b = 0; b < list.size(); ++b) {
                    sum[b].up += list[b].up;
                    sum[b].down += list[b].down;
                    roles_[a].turning_of_samples += turning_of(list[b], all[b]);
                }
            }
        }
        for (const auto& [a, list] : shifts) {
            for (std::size_t b = 0; b < list.size(); ++b) add_bin(a, list[b], all[b]);
        }
    }

private:
    using Shifts = std::map<std::size_t, std::vector<Shift>>;  // parameter to each bin

    static double even_of(const Shift& shift, double expected) {
        return 0.25 / std::max(1.0, std::abs(expected)) * std::pow(shift.up + shift.down, 2);
    }

    static double turning_of(const Shift& shift, double expected) {
        return shift.up * shift.down >= 0.0 ? even_of(shift, expected) : 0.0;
    }

    double value_of(const Coefficient& coefficient) const {
        return InternalCoefficient(coefficient, model_, coordinates_).at(u_).value;
    }

    void note_kink(const std::string& parameter, bool kinked) {
        ShapeParity& parity = roles_[parameter_index(model_, parameter)].parity;
        parity.kinked = parity.kinked || kinked;
    }

    void add_bin(std::size_t a, const Shift& shift, double expected) {
        roles_[a].parity.even += even_of(shift, expected);
        roles_[a].parity.odd += even_of({shift.up, -shift.down}, expected);
        roles_[a].turning += turning_of(shift, expected);
    }

    const StatisticalModel& model_;
    const InternalCoordinates& coordinates_;
    std::vector<double> u_;
    std::vector<ParameterRole>& roles_;
};

}  // namespace

std::vector<ParameterRole> parameter_roles(const Likelihood& likelihood) {
    return parameter_roles(likelihood,
                           likelihood.coordinates().to_internal(start_values(likelihood.model())));
}

std::vector<ParameterRole> parameter_roles(const Likelihood& likelihood,
                                           std::span<const double> u) {
    const StatisticalModel& model = likelihood.model();
    std::vector<ParameterRole> roles = parameter_roles(model);
    Parities parities(likelihood, u, roles);
    for (const auto& region : model.unbinned) parities.add(region);
    for (const auto& region : model.binned) parities.add(region);
    const std::vector<ShapeParity> shapes = likelihood.shape_parities();
    for (std::size_t a = 0; a < roles.size(); ++a) {
        roles[a].parity.even += shapes[a].even;
        roles[a].parity.odd += shapes[a].odd;
        roles[a].parity.kinked = roles[a].parity.kinked || shapes[a].kinked;
        // Where the even part is small it is noise of the learned ratios.
        if (shapes[a].even > 0.3 * shapes[a].odd) roles[a].turning += shapes[a].even;
    }
    return roles;
}

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
