#include "pyhf_parameters.hpp"

#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "pyhf_json.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

bool is_scalar(PyhfKind kind) {
    return kind == PyhfKind::normfactor || kind == PyhfKind::alpha || kind == PyhfKind::lumi;
}

/// What a measurement says about one parameter of a modifier.
struct ConfigItems {
    const json& config;
    std::string where;
    std::size_t index;

    /// Null if it does not say so.
    const json* find(const std::string& key) const {
        const json& items = array_member(config, key, where);
        if (items.empty()) return nullptr;
        if (index < items.size()) return &items.at(index);
        throw DataError(
            fmt::format("{}: '{}' has {} entries (must be one for each of its parameters)", where,
                        key, items.size()));
    }
    void number(const std::string& key, double& target) const {
        if (const json* item = find(key)) target = number_of(*item, where + ", " + key);
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

PyhfParameters::PyhfParameters(const json& measurement) {
    measurement_ = "measurement '" + text_member(measurement, "name", "a measurement") + "'";
    const json& config = member(measurement, "config", measurement_);
    poi_ = text_member(config, "poi", measurement_);
    for (const json& parameter : array_member(config, "parameters", measurement_)) {
        config_[text_member(parameter, "name", measurement_ + ", parameters")] = parameter;
    }
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
    const std::string where = measurement_ + ", parameter '" + modifier + "'";
    const ConfigItems items{config, where, index};
    items.number("inits", result.start);
    if (const json* bounds = items.find("bounds")) {
        const auto range = bins_of(*bounds, 2, where + ", bounds");
        result.low = range[0];
        result.high = range[1];
    }
    configure_constraint(items, kind, result.constraint);
    if (config.contains("fixed")) {
        if (!config.at("fixed").is_boolean()) {
            throw DataError(where + ": 'fixed' must be true or false");
        }
        result.fixed = config.at("fixed").get<bool>();
    }
    return result;
}

const std::vector<std::string>& PyhfParameters::declared_again(const std::string& modifier,
                                                               PyhfKind kind,
                                                               std::size_t size) const {
    const Declared& declared = declared_.at(modifier);
    if (declared.kind == kind && declared.names.size() == size && kind != PyhfKind::shapesys) {
        return declared.names;
    }
    throw DataError(
        fmt::format("modifier '{}' is used twice with different parameters (a shapesys belongs to "
                    "one sample; others must be of one kind and size)",
                    modifier));
}

std::vector<std::string> PyhfParameters::declare(const std::string& modifier,
                                                 PyhfKind kind,
                                                 const std::vector<Default>& defaults) {
    if (declared_.contains(modifier)) return declared_again(modifier, kind, defaults.size());
    if (kind == PyhfKind::lumi && !config_.contains(modifier)) {
        throw DataError(
            fmt::format("{}: parameter '{}' is missing (a lumi modifier needs inits, "
                        "bounds, auxdata and sigmas)",
                        measurement_, modifier));
    }
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

std::string PyhfParameters::parameter_of_interest() const {
    const auto found = declared_.find(poi_);
    if (found == declared_.end() || !is_scalar(found->second.kind)) {
        throw DataError(
            fmt::format("{}: the parameter of interest is '{}', but no normfactor has this name "
                        "(choose another measurement with --measurement)",
                        measurement_, poi_));
    }
    return found->second.names.front();
}

}  // namespace ratiofarm
