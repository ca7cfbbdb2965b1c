#include "ratiofarm/physics/internal_coordinates.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

namespace {

bool has_root(const StatisticalModel& model, const std::string& parameter) {
    const auto in_coefficient = [&](const auto& component) {
        return component.coefficient.has_root_of(parameter);
    };
    return std::any_of(model.unbinned.begin(), model.unbinned.end(),
                       [&](const UnbinnedRegion& region) {
                           return std::any_of(region.processes.begin(), region.processes.end(),
                                              in_coefficient);
                       }) ||
           std::any_of(model.binned.begin(), model.binned.end(), [&](const BinnedRegion& region) {
               return std::any_of(region.samples.begin(), region.samples.end(), in_coefficient);
           });
}

}  // namespace

InternalCoordinates::InternalCoordinates(const StatisticalModel& model) {
    for (const auto& parameter : model.parameters) {
        const bool root = has_root(model, parameter.name);
        if (root && parameter.low < 0.0) {
            throw ConfigError("parameter '" + parameter.name + "': range starts at " +
                              std::to_string(parameter.low) +
                              " (must be >= 0, because a coefficient contains sqrt(" +
                              parameter.name + "))");
        }
        RATIOFARM_EXPECT(parameter.low < parameter.high);
        is_root_.push_back(root);
        low_.push_back(root ? std::sqrt(parameter.low) : parameter.low);
        high_.push_back(root ? std::sqrt(parameter.high) : parameter.high);
    }
}

double InternalCoordinates::to_internal(std::size_t parameter, double external) const {
    if (!is_root_[parameter]) return external;
    RATIOFARM_EXPECT(external >= 0.0);
    return std::sqrt(external);
}

double InternalCoordinates::to_external(std::size_t parameter, double internal) const {
    return is_root_[parameter] ? internal * internal : internal;
}

double InternalCoordinates::gradient(std::size_t parameter, double internal) const {
    return is_root_[parameter] ? 2.0 * internal : 1.0;
}

std::vector<double> InternalCoordinates::to_internal(std::span<const double> theta) const {
    RATIOFARM_EXPECT(theta.size() == size());
    std::vector<double> u(size());
    for (std::size_t a = 0; a < size(); ++a) u[a] = to_internal(a, theta[a]);
    return u;
}

std::vector<double> InternalCoordinates::to_external(std::span<const double> u) const {
    RATIOFARM_EXPECT(u.size() == size());
    std::vector<double> theta(size());
    for (std::size_t a = 0; a < size(); ++a) theta[a] = to_external(a, u[a]);
    return theta;
}

std::size_t parameter_index(const StatisticalModel& model, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& parameter : model.parameters) {
        if (parameter.name == name) return names.size();
        names.push_back(parameter.name);
    }
    throw ConfigError("parameter '" + name + "' is not declared" + did_you_mean(name, names));
}

std::vector<double> start_values(const StatisticalModel& model) {
    std::vector<double> theta;
    for (const auto& parameter : model.parameters) theta.push_back(parameter.start);
    return theta;
}

}  // namespace ratiofarm
