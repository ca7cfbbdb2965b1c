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
    const auto item = [&](const std::string& key) -> const json* {
        const json& items = array_member(config, key, where);
        if (items.empty()) return nullptr;
        if (index >= items.size()) {
            throw DataError(
                fmt::format("{}: '{}' has {} entries (must be one for each of its "
                            "parameters)",
                            where, key, items.size()));
        }
        return &items.at(index);
    };
    if (const json* init = item("inits")) result.start = number_of(*init, where + ", inits");
    if (const json* bounds = item("bounds")) {
        const auto range = bins_of(*bounds, 2, where + ", bounds");
        result.low = range[0];
        result.high = range[1];
    }
    double scale = 1.0;  // auxdata of a Poisson constraint are counts
    if (kind == PyhfKind::shapesys) {
        if (const json* factor = item("factors")) {
            result.constraint.width = 1.0 / std::sqrt(number_of(*factor, where + ", factors"));
        }
        scale = result.constraint.width * result.constraint.width;
    }
    if (const json* observed = item("auxdata")) {
        result.constraint.observed = scale * number_of(*observed, where + ", auxdata");
    }
    if (const json* sigma = item("sigmas")) {
        result.constraint.width = number_of(*sigma, where + ", sigmas");
    }
    if (config.contains("fixed")) {
        if (!config.at("fixed").is_boolean()) {
            throw DataError(where + ": 'fixed' must be true or false");
        }
        result.fixed = config.at("fixed").get<bool>();
    }
    return result;
}

std::vector<std::string> PyhfParameters::declare(const std::string& modifier,
                                                 PyhfKind kind,
                                                 const std::vector<Default>& defaults) {
    const auto found = declared_.find(modifier);
    if (found != declared_.end()) {
        const Declared& declared = found->second;
        if (declared.kind == kind && declared.names.size() == defaults.size() &&
            kind != PyhfKind::shapesys) {
            return declared.names;
        }
        throw DataError(
            fmt::format("modifier '{}' is used twice with other parameters (a shapesys "
                        "belongs to one sample; others must be of one kind and size)",
                        modifier));
    }
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
            fmt::format("{}: the parameter of interest is '{}', but no normfactor is "
                        "called so (choose another measurement with --measurement)",
                        measurement_, poi_));
    }
    return found->second.names.front();
}

}  // namespace ratiofarm
