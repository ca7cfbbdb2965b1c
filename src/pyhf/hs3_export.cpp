#include "hs3_export.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/core/errors.hpp"

#include "pyhf_export.hpp"

namespace ratiofarm {

using nlohmann::ordered_json;
using Kind = Constraint::Kind;

namespace {

/// Of bins that a factor leaves as they are.
constexpr auto unit = "unit_factor";

/// The interpolation of HS3, or nothing.
std::string code_word(Interpolation code, std::initializer_list<Interpolation> known) {
    if (std::find(known.begin(), known.end(), code) == known.end()) return "";
    return word_of(code);
}

/// With * + - and sqrt() only, which every reader knows: "2*mu*mu - mu*sqrt(mu)".
std::string expression(const Coefficient& coefficient) {
    if (coefficient.terms.empty()) return "0";
    std::string text;
    for (const CoefficientTerm& term : coefficient.terms) {
        text += text.empty() ? "" : " + ";
        text += fmt::format("({})", term.constant);
        for (const auto& factor : term.factors) {
            const double whole = std::floor(factor.power);
            for (double k = 0.0; k < whole; ++k) text += "*" + factor.parameter;
            if (factor.power != whole) text += "*sqrt(" + factor.parameter + ")";
        }
    }
    return text;
}

bool is_product_of_parameters(const Coefficient& coefficient) {
    const auto& terms = coefficient.terms;
    return terms.size() == 1 && terms.front().constant == 1.0 &&
           std::ranges::all_of(terms.front().factors, [](const auto& f) { return f.power == 1.0; });
}

class Hs3Exporter {
public:
    explicit Hs3Exporter(const Campaign& campaign) : campaign_(campaign) {
        for (const char* list : {"distributions", "functions", "data"}) {
            result_[list] = ordered_json::array();
        }
    }

    ordered_json workspace() {
        ordered_json names = ordered_json::array();
        for (const BinnedRegionSection& section : campaign_.binned) {
            add_region(section);
            names.push_back(section.region.name);
        }
        ordered_json constraints = ordered_json::array();
        for (const Parameter& parameter : campaign_.parameters) {
            if (used_.contains(parameter.name)) add_parameter(parameter, constraints);
        }
        if (used_.contains(unit)) add_constant(unit, 1.0);
        if (!refused_.empty()) {
            throw ConfigError(fmt::format("the campaign holds what HS3 cannot:\n  {}",
                                          fmt::join(refused_, "\n  ")));
        }
        ordered_json likelihood{{"name", "likelihood"}, {"distributions", names}, {"data", names}};
        if (!constraints.empty()) likelihood["aux_distributions"] = std::move(constraints);
        result_["likelihoods"] = {std::move(likelihood)};
        result_["domains"] = {
            {{"name", "ranges"}, {"type", "product_domain"}, {"axes", std::move(axes_)}}};
        result_["parameter_points"] = {{{"name", "start"}, {"parameters", std::move(points_)}}};
        ordered_json analysis{{"name", campaign_.name},
                              {"likelihood", "likelihood"},
                              {"domains", {"ranges"}},
                              {"init", "start"}};
        if (used_.contains(campaign_.inference.poi)) {
            analysis["parameters_of_interest"] = {campaign_.inference.poi};
        }
        result_["analyses"] = {std::move(analysis)};
        result_["metadata"] = {{"hs3_version", "0.2"}};
        ordered_json left_out = ordered_json::array();
        for (const auto& section : campaign_.unbinned) left_out.push_back(section.name);
        result_["misc"]["ratiofarm"]["unbinned_regions_left_out"] = std::move(left_out);
        return std::move(result_);
    }

private:
    void refuse(const std::string& what) { refused_.push_back(what); }

    void add_constant(const std::string& name, double value) {
        points_.push_back({{"name", name}, {"value", value}, {"const", true}});
    }

    /// A region is observed in its bins; where they have no finite edges, in their numbers.
    static ordered_json axis(const BinnedRegionSection& section) {
        const std::string name =
            section.region.name + "_" + (section.observable.empty() ? "bin" : section.observable);
        const auto& edges = section.edges;
        const bool finite = !edges.empty() && std::isfinite(edges.front() + edges.back());
        if (finite) return {{"name", name}, {"edges", edges}};
        const std::size_t bins = section.region.n_bins();
        return {{"name", name}, {"min", 0.0}, {"max", static_cast<double>(bins)}, {"nbins", bins}};
    }

    void add_region(const BinnedRegionSection& section) {
        const std::string& name = section.region.name;
        const ordered_json axes = ordered_json::array({axis(section)});
        ordered_json samples = ordered_json::array();
        for (const BinnedSample& sample : section.region.samples) {
            samples.push_back({{"name", sample.name},
                               {"data", {{"contents", sample.contents}}},
                               {"modifiers", modifiers(name, sample)}});
        }
        result_["distributions"].push_back({{"name", name},
                                            {"type", "histfactory_dist"},
                                            {"axes", axes},
                                            {"samples", std::move(samples)}});
        if (!section.observed) {
            return refuse("region '" + name + "': observed is missing (a likelihood needs counts)");
        }
        result_["data"].push_back(
            {{"name", name}, {"type", "binned"}, {"axes", axes}, {"contents", *section.observed}});
    }

    ordered_json modifiers(const std::string& region, const BinnedSample& sample) {
        const std::string where = "region '" + region + "', sample '" + sample.name + "'";
        ordered_json result = ordered_json::array();
        add_coefficient(region, sample, result);
        for (const BinnedYieldEffect& effect : sample.yields) {
            const std::string code =
                code_word(effect.code, {Interpolation::code1, Interpolation::code4});
            use_alpha(where, effect.parameter);
            if (code.empty()) {
                refuse(where + ": the yield effect of '" + effect.parameter +
                       "' is not interpolated by code1 or code4");
            }
            result.push_back({{"name", effect.parameter},
                              {"type", "normsys"},
                              {"parameter", effect.parameter},
                              {"data",
                               {{"hi", effect.anchors.up},
                                {"lo", effect.anchors.down},
                                {"interpolation", code}}}});
        }
        for (const BinnedShapeEffect& effect : sample.shapes) {
            const std::string code = code_word(
                effect.code, {Interpolation::code0, Interpolation::code2, Interpolation::code4p});
            use_alpha(where, effect.parameter);
            if (code.empty()) {
                refuse(where + ": the shape effect of '" + effect.parameter +
                       "' is not interpolated by code0, code2 or code4p");
            }
            result.push_back({{"name", effect.parameter},
                              {"type", "histosys"},
                              {"parameter", effect.parameter},
                              {"data",
                               {{"hi", {{"contents", effect.up}}},
                                {"lo", {{"contents", effect.down}}},
                                {"interpolation", code}}}});
        }
        for (std::size_t k = 0; k < sample.factors.size(); ++k) {
            ordered_json names = ordered_json::array();
            for (const std::string& name : sample.factors[k].parameters) {
                names.push_back(name.empty() ? unit : name);
                used_.insert(names.back());
            }
            result.push_back({{"name", fmt::format("{}_{}_factors_{}", region, sample.name, k)},
                              {"type", "shapefactor"},
                              {"parameters", std::move(names)}});
        }
        return result;
    }

    void add_coefficient(const std::string& region, const BinnedSample& sample, ordered_json& to) {
        for (const CoefficientTerm& term : sample.coefficient.terms) {
            for (const auto& factor : term.factors) used_.insert(factor.parameter);
        }
        const auto add = [&](const std::string& name) {
            to.push_back({{"name", name}, {"type", "normfactor"}, {"parameter", name}});
        };
        if (is_product_of_parameters(sample.coefficient)) {
            for (const auto& f : sample.coefficient.terms.front().factors) add(f.parameter);
            return;
        }
        const std::string name = region + "_" + sample.name + "_coefficient";
        result_["functions"].push_back({{"name", name},
                                        {"type", "generic_function"},
                                        {"expression", expression(sample.coefficient)}});
        add(name);
    }

    /// The parameter of a normsys or histosys, which bring their constraint along.
    void use_alpha(const std::string& where, const std::string& name) {
        const auto found = std::ranges::find(campaign_.parameters, name, &Parameter::name);
        const Constraint& constraint = found->constraint;
        if (constraint.kind != Kind::gaussian || constraint.width != 1.0 ||
            constraint.observed != 0.0) {
            refuse(where + ": parameter '" + name +
                   "' must have a Gaussian constraint of width 1 around 0");
        }
        used_.insert(name);
        alphas_.insert(name);
    }

    void add_parameter(const Parameter& parameter, ordered_json& constraints) {
        const std::string& name = parameter.name;
        axes_.push_back({{"name", name}, {"min", parameter.low}, {"max", parameter.high}});
        points_.push_back({{"name", name}, {"value", parameter.start}});
        if (parameter.fixed) points_.back()["const"] = true;
        const Constraint& constraint = parameter.constraint;
        if (constraint.kind == Kind::none || alphas_.contains(name)) return;
        constraints.push_back("constraint_" + name);
        const std::string observed = "observed_" + name;
        if (constraint.kind == Kind::gaussian) {
            add_constant(observed, constraint.observed);
            result_["distributions"].push_back({{"name", constraints.back()},
                                                {"type", "gaussian_dist"},
                                                {"x", observed},
                                                {"mean", name},
                                                {"sigma", constraint.width}});
            return;
        }
        const double counts = 1.0 / (constraint.width * constraint.width);
        add_constant(observed, constraint.observed * counts);
        result_["functions"].push_back(
            {{"name", "expected_" + name}, {"type", "product"}, {"factors", {name, counts}}});
        result_["distributions"].push_back({{"name", constraints.back()},
                                            {"type", "poisson_dist"},
                                            {"x", observed},
                                            {"mean", "expected_" + name}});
    }

    const Campaign& campaign_;
    ordered_json result_;
    ordered_json axes_ = ordered_json::array();
    ordered_json points_ = ordered_json::array();
    std::set<std::string> used_;    ///< parameters of the regions
    std::set<std::string> alphas_;  ///< those that modifiers constrain
    std::vector<std::string> refused_;
};

}  // namespace

ordered_json hs3_from_campaign(const Campaign& campaign) {
    expect_binned(campaign);
    return Hs3Exporter(campaign).workspace();
}

}  // namespace ratiofarm
