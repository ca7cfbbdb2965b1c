#include "pyhf_modifiers.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

using nlohmann::ordered_json;
using Kind = Constraint::Kind;

namespace {

ordered_json modifier(const std::string& name, const std::string& type, ordered_json data) {
    return {{"name", name}, {"type", type}, {"data", std::move(data)}};
}

/// "stat[3]" without "[3]"; empty for a label that ends otherwise.
std::string without_bin(const std::string& label) {
    const auto bracket = label.rfind('[');
    const bool good = bracket != std::string::npos && label.back() == ']' &&
                      label.find_first_not_of("0123456789", bracket + 1) == label.size() - 1;
    return good ? label.substr(0, bracket) : "";
}

}  // namespace

PyhfModifiers::PyhfModifiers(const Campaign& campaign) : campaign_(campaign) {
    find_shared_staterrors();
}

const Parameter& PyhfModifiers::parameter(const std::string& name) const {
    const auto found = std::find_if(campaign_.parameters.begin(), campaign_.parameters.end(),
                                    [&](const Parameter& p) { return p.name == name; });
    RATIOFARM_EXPECT(found != campaign_.parameters.end());
    return *found;
}

std::string PyhfModifiers::label(const std::string& parameter) const {
    return label_of(campaign_.labels.parameters, parameter);
}

void PyhfModifiers::declare(const std::string& name, Modifier modifier) {
    const auto [entry, is_new] = modifiers_.emplace(name, modifier);
    if (is_new) {
        order_.push_back(name);
    } else if (entry->second.parameters != modifier.parameters ||
               entry->second.type != modifier.type) {
        refuse("parameter '" + name + "' is used by modifiers of different kinds (" +
               entry->second.type + ", " + modifier.type + ")");
    }
}

void PyhfModifiers::add_scalars(const std::string& where,
                                const BinnedSample& sample,
                                ordered_json& to) {
    const auto& terms = sample.coefficient.terms;
    const auto is_plain = [](const auto& factor) { return factor.power == 1.0; };
    if (terms.size() != 1 || terms.front().constant != 1.0 ||
        !std::all_of(terms.front().factors.begin(), terms.front().factors.end(), is_plain)) {
        return refuse(where + ": coefficient '" + sample.coefficient.text() +
                      "' (must be a product of parameters)");
    }
    for (const auto& factor : terms.front().factors) {
        const std::string name = label(factor.parameter);
        const Kind kind = parameter(factor.parameter).constraint.kind;
        const std::string type = kind == Kind::none ? "normfactor" : "lumi";
        if (kind != Kind::none && (kind != Kind::gaussian || name != "lumi")) {
            refuse(where + ": parameter '" + factor.parameter +
                   "' of the coefficient has a constraint (only one called 'lumi' may have one, a "
                   "Gaussian)");
            continue;
        }
        declare(name, {type, {factor.parameter}});
        to.push_back(modifier(name, type, nullptr));
    }
}

void PyhfModifiers::declare_alpha(const std::string& where, const std::string& name) {
    const Constraint& constraint = parameter(name).constraint;
    if (constraint.kind != Kind::gaussian || constraint.width != 1.0) {
        refuse(where + ": parameter '" + name + "' must have a Gaussian constraint of width 1");
    }
    declare(label(name), {"normsys or histosys", {name}});
}

void PyhfModifiers::add_effects(const std::string& where,
                                const BinnedSample& sample,
                                ordered_json& to) {
    for (const BinnedYieldEffect& effect : sample.yields) {
        declare_alpha(where, effect.parameter);
        to.push_back(modifier(label(effect.parameter), "normsys",
                              {{"hi", effect.anchors.up}, {"lo", effect.anchors.down}}));
        if (effect.code != Interpolation::code4) {
            refuse(where + ": the yield effect of '" + effect.parameter +
                   "' is not interpolated by code4 (a workspace has no other code)");
        }
    }
    for (const BinnedShapeEffect& effect : sample.shapes) {
        declare_alpha(where, effect.parameter);
        to.push_back(modifier(label(effect.parameter), "histosys",
                              {{"hi_data", effect.up}, {"lo_data", effect.down}}));
        if (effect.code != Interpolation::code4p) {
            refuse(where + ": the shape effect of '" + effect.parameter +
                   "' is not interpolated by code4p (a workspace has no other code)");
        }
    }
}

/// Empty if the factors have no common kind.
std::string PyhfModifiers::factors_type(const BinFactors& factors) const {
    std::string type;
    for (const std::string& name : factors.parameters) {
        if (name.empty()) continue;
        const Kind kind = parameter(name).constraint.kind;
        const std::string its = kind == Kind::poisson    ? "shapesys"
                                : kind == Kind::gaussian ? "staterror"
                                                         : "shapefactor";
        if (!type.empty() && type != its) return "";
        type = its;
    }
    return type;
}

/// The name that the labels of its parameters give; empty if they give none.
std::string PyhfModifiers::label_of_factors(const BinFactors& factors) const {
    std::string name;
    for (const std::string& parameter : factors.parameters) {
        if (!parameter.empty()) name = without_bin(label(parameter));
        if (!name.empty()) break;
    }
    return name;
}

/// Staterrors of one label are one modifier where pyhf takes them for one: in each region they have
/// the same factors for all of the same samples.
void PyhfModifiers::find_shared_staterrors() {
    struct InRegion {
        std::vector<BinFactors> factors;
        std::vector<std::string> samples;
    };
    std::map<std::string, std::map<std::string, InRegion>> found;
    for (const BinnedRegionSection& section : campaign_.binned) {
        for (const BinnedSample& sample : section.region.samples) {
            for (const BinFactors& factors : sample.factors) {
                const std::string name = label_of_factors(factors);
                if (name.empty() || factors_type(factors) != "staterror") continue;
                const auto& region = section.region.name;
                InRegion& here = found[name][label_of(campaign_.labels.regions, region)];
                here.factors.push_back(factors);
                here.samples.push_back(sample.name);
            }
        }
    }
    for (const auto& [name, regions] : found) {
        const InRegion& first = regions.begin()->second;
        const bool alike = std::all_of(regions.begin(), regions.end(), [&](const auto& entry) {
            const auto& factors = entry.second.factors;
            return std::ranges::count(factors, factors.front()) == std::ssize(factors) &&
                   std::ranges::is_permutation(entry.second.samples, first.samples);
        });
        if (regions.size() < 2 || !alike) continue;
        for (const auto& [region, here] : regions) {
            const auto& parameters = here.factors.front().parameters;
            shared_[name].factors.push_back(here.factors.front());
            std::ranges::copy(parameters, std::back_inserter(shared_[name].parameters));
        }
    }
}

/// Factors of the same parameters are one modifier; its name comes from the labels.
std::string PyhfModifiers::factors_name(const BinFactors& factors, const std::string& otherwise) {
    for (const auto& [name, known] : modifiers_) {
        if (known.parameters == factors.parameters) return name;
    }
    std::string name = label_of_factors(factors);
    const auto shared = shared_.find(name);
    if (shared != shared_.end()) {
        const auto& all = shared->second.factors;
        if (std::ranges::find(all, factors) != all.end()) return name;
    }
    if (name.empty() || modifiers_.contains(name)) name = otherwise;
    std::string unused = name;
    for (int k = 2; modifiers_.contains(unused); ++k) unused = fmt::format("{}_{}", name, k);
    return unused;
}

/// Errors of one of the samples that carry the factors: all have the same.
std::vector<double> PyhfModifiers::staterrors(const BinnedRegion& region,
                                              const BinFactors& factors) const {
    std::vector<double> nominal(region.n_bins());
    double carriers = 0.0;
    for (const BinnedSample& sample : region.samples) {
        if (std::find(sample.factors.begin(), sample.factors.end(), factors) ==
            sample.factors.end()) {
            continue;
        }
        carriers += 1.0;
        for (std::size_t b = 0; b < nominal.size(); ++b) nominal[b] += sample.contents[b];
    }
    std::vector<double> errors(region.n_bins());
    for (std::size_t b = 0; b < errors.size(); ++b) {
        if (factors.parameters[b].empty()) continue;
        errors[b] =
            parameter(factors.parameters[b]).constraint.width * nominal[b] / std::sqrt(carriers);
    }
    return errors;
}

void PyhfModifiers::add_factors(const BinnedRegion& region,
                                const BinnedSample& sample,
                                const BinFactors& factors,
                                ordered_json& to) {
    const std::string where = "region '" + region.name + "', sample '" + sample.name + "'";
    const bool any = std::any_of(factors.parameters.begin(), factors.parameters.end(),
                                 [](const std::string& name) { return !name.empty(); });
    if (!any) return;
    const std::string type = factors_type(factors);
    if (type.empty()) {
        return refuse(where + ": factors with different kinds of constraints");
    }
    const std::string name = factors_name(factors, region.name + "_" + sample.name + "_factors");
    const bool known = modifiers_.contains(name);
    if (type == "shapesys" && known) {
        return refuse(where + ": factors with Poisson constraints that another sample has, too");
    }
    const auto shared = shared_.find(name);
    declare(name, {type, shared == shared_.end() ? factors.parameters : shared->second.parameters});
    if (type == "shapefactor") {
        const bool all = std::none_of(factors.parameters.begin(), factors.parameters.end(),
                                      [](const std::string& p) { return p.empty(); });
        if (!all) refuse(where + ": free factors on some bins only");
        return to.push_back(modifier(name, type, nullptr));
    }
    if (type == "staterror") return to.push_back(modifier(name, type, staterrors(region, factors)));
    std::vector<double> errors(region.n_bins());
    for (std::size_t b = 0; b < errors.size(); ++b) {
        if (factors.parameters[b].empty()) continue;
        errors[b] = sample.contents[b] * parameter(factors.parameters[b]).constraint.width;
    }
    to.push_back(modifier(name, type, errors));
}

ordered_json PyhfModifiers::of(const BinnedRegion& region, const BinnedSample& sample) {
    const std::string where = "region '" + region.name + "', sample '" + sample.name + "'";
    ordered_json result = ordered_json::array();
    add_scalars(where, sample, result);
    add_effects(where, sample, result);
    for (const BinFactors& factors : sample.factors) add_factors(region, sample, factors, result);
    return result;
}

ordered_json PyhfModifiers::configuration_of(const std::string& name, const Modifier& modifier) {
    const std::string& type = modifier.type;
    ordered_json starts = ordered_json::array();
    ordered_json bounds = ordered_json::array();
    ordered_json observed = ordered_json::array();
    std::size_t n_fixed = 0;
    std::size_t n = 0;
    for (const std::string& parameter_name : modifier.parameters) {
        Parameter p{.name = "", .low = 1e-10, .constraint = {Kind::none, 1.0, 1.0}};
        if (!parameter_name.empty()) {
            p = parameter(parameter_name);
            n_fixed += p.fixed ? 1 : 0;
            ++n;
        }
        starts.push_back(p.start);
        bounds.push_back({p.low, p.high});
        const double width = type == "shapesys" ? p.constraint.width : 1.0;
        observed.push_back(p.constraint.observed / (width * width));
    }
    if (n_fixed > 0 && n_fixed < n) {
        refuse("modifier '" + name + "': some of its parameters are fixed and some are not");
    }
    ordered_json result{{"name", name}, {"inits", starts}, {"bounds", bounds}};
    if (type != "normfactor" && type != "shapefactor") result["auxdata"] = observed;
    if (type == "lumi") {
        result["sigmas"] = {parameter(modifier.parameters.front()).constraint.width};
    }
    if (n_fixed > 0) result["fixed"] = true;
    return result;
}

ordered_json PyhfModifiers::configuration() {
    ordered_json result = ordered_json::array();
    for (const std::string& name : order_) {
        result.push_back(configuration_of(name, modifiers_.at(name)));
    }
    return result;
}

void PyhfModifiers::throw_if_refused() const {
    if (refused_.empty()) return;
    std::string text = "the campaign holds what a pyhf workspace cannot:";
    for (const std::string& line : refused_) text += "\n  " + line;
    throw ConfigError(text);
}

}  // namespace ratiofarm
