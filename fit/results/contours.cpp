#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"

#include "fit/search/profile.hpp"

namespace ratiofarm {
namespace {

constexpr double accuracy = 0.01;  // of t, relative to its level
constexpr int most_steps = 12;     // along a ray

/// Two parameters with rays from the best point that an ellipse of the covariance cuts at a length
/// of sqrt(t).
class Plane {
public:
    Plane(const Likelihood& likelihood, const FitResult& result, std::size_t a, std::size_t b)
        : coordinates_(likelihood.coordinates()),
          profile_(likelihood, result, {a, b}),
          parameter_{a, b},
          rho_(result.correlation[a][b]) {
        for (std::size_t k = 0; k < 2; ++k) {
            const Parameter& range = likelihood.model().parameters[parameter_[k]];
            low_[k] = range.low;
            high_[k] = range.high;
            best_[k] = result.parameters[parameter_[k]].value;
            error_[k] = result.parameters[parameter_[k]].error;
        }
    }

    /// The point of a ray where t is a level, or where a range ends.
    /// \param length where to look first; then where it was found
    Contour::Point find(double angle, double level, double& length) {
        const std::array<double, 2> step{
            error_[0] * std::cos(angle),
            error_[1] * (rho_ * std::cos(angle) + std::sqrt(1.0 - rho_ * rho_) * std::sin(angle))};
        const double end = end_of(step);
        double inside = 0.0;
        double outside = std::numeric_limits<double>::infinity();
        double power = 2.0;  // t grows like this power of the length
        double at = std::min(length, end);
        Contour::Point point;
        for (int i = 0; i < most_steps; ++i) {
            const double before = length;
            const double t_before = point.t;
            point = point_at(step, at);
            length = at;
            if (std::abs(point.t - level) <= accuracy * level) return point;
            if (point.t < level && at >= end) return point;
            (point.t < level ? inside : outside) = at;
            if (i > 0 && t_before > 0.0 && point.t > 0.0) {
                power = std::clamp(std::log(point.t / t_before) / std::log(at / before), 0.5, 8.0);
            }
            const double next =
                point.t > 0.0 ? at * std::pow(level / point.t, 1.0 / power) : 2.0 * at;
            const bool is_between = next > inside && next < outside;
            const double halved = std::isfinite(outside) ? 0.5 * (inside + outside) : 2.0 * at;
            at = std::min(is_between ? next : halved, end);
        }
        point.converged = false;
        return point;
    }

private:
    /// How far a ray stays within the ranges.
    double end_of(const std::array<double, 2>& step) const {
        double end = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < 2; ++k) {
            const double room = step[k] > 0.0 ? high_[k] - best_[k] : low_[k] - best_[k];
            if (step[k] != 0.0) end = std::min(end, room / step[k]);
        }
        return end;
    }

    Contour::Point point_at(const std::array<double, 2>& step, double length) {
        std::array<double, 2> value{};
        std::array<double, 2> held{};
        for (std::size_t k = 0; k < 2; ++k) {
            value[k] = std::clamp(best_[k] + length * step[k], low_[k], high_[k]);
            held[k] = coordinates_.to_internal(parameter_[k], value[k]);
        }
        const ProfilePoint found = profile_.at(held);
        return {value[0], value[1], profile_.t(found), found.converged};
    }

    const InternalCoordinates& coordinates_;
    Profile profile_;
    std::array<std::size_t, 2> parameter_;
    std::array<double, 2> low_{}, high_{}, best_{}, error_{};
    double rho_;
};

}  // namespace

double contour_level(double share) {
    RATIOFARM_EXPECT(share > 0.0 && share < 1.0);
    return -2.0 * std::log1p(-share);
}

std::vector<Contour> contours(const Likelihood& likelihood,
                              const FitResult& result,
                              const std::string& first,
                              const std::string& second,
                              std::span<const double> levels,
                              std::size_t directions) {
    const std::array<std::size_t, 2> parameters{parameter_index(likelihood.model(), first),
                                                parameter_index(likelihood.model(), second)};
    if (first == second) throw ConfigError(fmt::format("contour: '{}' is given twice", first));
    for (const std::size_t parameter : parameters) {
        if (result.parameters[parameter].error > 0.0) continue;
        throw ConfigError(
            fmt::format("contour: '{}' has no error at the minimum (it is fixed, at a bound or not "
                        "determined); scan --parameter {},{} shows t on a grid",
                        result.parameters[parameter].name, first, second));
    }
    Plane plane(likelihood, result, parameters[0], parameters[1]);
    std::vector<Contour> found;
    for (const double level : levels) found.push_back({first, second, level});
    for (std::size_t k = 0; k < directions; ++k) {
        const double angle =
            2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(directions);
        double length = std::sqrt(levels.front());
        for (std::size_t l = 0; l < levels.size(); ++l) {
            if (l > 0) length *= std::sqrt(levels[l] / levels[l - 1]);
            found[l].points.push_back(plane.find(angle, levels[l], length));
        }
    }
    return found;
}

}  // namespace ratiofarm
