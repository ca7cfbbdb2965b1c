#include "pyhf_parameters.hpp"

#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

/// What a measurement says about one parameter of a modifier.
struct ConfigItems {
    const json& config;
    std::size_t index;

    /// Null if it does not say so.
    const json* find(const std::string& key) const {
        const auto items = config.find(key);
        return items == config.end() ? nullptr : &items->at(index);
    }
    void number(const std::string& key, double& target) const {
        if (const json* item = find(key)) target = item->get<double>();
    }
};

void configure_constraint(const ConfigItems& items, PyhfKind kind, Constraint& constraint) {
    double scale = 1.0;  // auxdata of a Poisson constraint are counts
    if (kind == PyhfKind::shapesys) {
        double factor = 1.0 / (constraint.width * constraint.width);
        items.number("factors", factor);
        if (items.find("factors") != nullptr) constraint.width = 1.0 / std::sqrt(factor);
        scale = constraint.width * constraint.width;
    }
    double observed = constraint.observed / scale;
    items.number("auxdata", observed);
    if (items.find("auxdata") != nullptr) constraint.observed = scale * observed;
    items.number("sigmas", constraint.width);
}

}  // namespace

PyhfParameters::PyhfParameters(const json& measurement, const std::vector<std::string>& modifiers) {
    measurement_ = "measurement '" + measurement.at("name").get<std::string>() + "'";
    const json& config = measurement.at("config");
    poi_ = config.at("poi");
    for (const json& parameter : config.at("parameters")) config_[parameter.at("name")] = parameter;
    for (const std::string& name : modifiers) names_.keep(name);
}

Parameter PyhfParameters::configured(const std::string& modifier,
                                     PyhfKind kind,
                                     const Default& defaults,
                                     std::size_t index) const {
    Parameter result{.name = "",
                     .start = defaults.start,
                     .low = defaults.low,
                     .high = defaults.high,
                     .constraint = defaults.constraint};
    const auto found = config_.find(modifier);
    if (found == config_.end()) return result;
    const json& config = found->second;
    const ConfigItems items{config, index};
    items.number("inits", result.start);
    if (const json* bounds = items.find("bounds")) {
        result.low = bounds->at(0);
        result.high = bounds->at(1);
    }
    configure_constraint(items, kind, result.constraint);
    result.fixed = config.value("fixed", false);
    return result;
}

std::vector<std::string> PyhfParameters::declare(const std::string& modifier,
                                                 PyhfKind kind,
                                                 const std::vector<Default>& defaults) {
    const auto known = declared_.find(modifier);
    if (known != declared_.end()) return known->second.names;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < defaults.size(); ++i) {
        Parameter parameter = configured(modifier, kind, defaults[i], i);
        if (!defaults[i].active) {
            if (parameter.start == 1.0) {
                names.emplace_back();
                continue;
            }
            parameter.fixed = true;
            parameter.constraint = {};
        }
        const std::string original =
            is_scalar(kind) ? modifier : fmt::format("{}[{}]", modifier, i);
        parameter.name = names_.name_of(original);
        names.push_back(parameter.name);
        parameters_.push_back(std::move(parameter));
    }
    declared_[modifier] = {kind, names};
    return names;
}

std::string PyhfParameters::parameter_of_interest(const std::string& given) const {
    const std::string& wanted = given.empty() ? poi_ : given;
    const auto found = declared_.find(wanted);
    if (found != declared_.end() && is_scalar(found->second.kind)) {
        return found->second.names.front();
    }
    std::vector<std::string> known;
    for (const auto& [name, declared] : declared_) {
        if (is_scalar(declared.kind)) known.push_back(name);
    }
    const std::string problem =
        given.empty() ? fmt::format(
                            "{}: the parameter of interest is '{}', but no modifier with one "
                            "parameter has this name",
                            measurement_, poi_)
                      : fmt::format("--poi '{}': no modifier with one parameter has this name{}",
                                    given, did_you_mean(given, known));
    throw DataError(fmt::format(
        "{}; name another with --poi (known are {}), or the patch that adds it with --patch. For a "
        "fit of only the background any will do: it matters to limits, scans and impacts",
        problem, known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
}

}  // namespace ratiofarm
