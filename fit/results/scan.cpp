#include "ratiofarm/fit/scan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "fit/search/profile.hpp"
#include "fit/search/profile_curve.hpp"
#include "fit/search/quintic.hpp"

namespace ratiofarm {
namespace {

/// How far default_scan_points looks, in errors.
constexpr double scan_reach = 3.5;

/// From this many points on, a curve through fewer computed places may be cheaper.
constexpr std::size_t least_for_interpolation = 15;

void check_points(const Parameter& parameter, std::span<const double> points) {
    for (const double point : points) {
        if (point >= parameter.low && point <= parameter.high) continue;
        throw ConfigError("scan of '" + parameter.name + "': point " + std::to_string(point) +
                          " (allowed: " + std::to_string(parameter.low) + " to " +
                          std::to_string(parameter.high) + ", the parameter's range)");
    }
}

ScanPoint scan_point(const InternalCoordinates& coordinates,
                     double value,
                     const Profile& profile,
                     const ProfilePoint& point) {
    std::vector<double> theta = coordinates.to_external(point.u);
    for (double& component : theta) component += 0.0;  // no sign of a zero
    return {value, profile.t(point), std::move(theta), point.converged, false, point.below_floor};
}

/// A scan along one parameter.
class Scan {
public:
    Scan(const Likelihood& likelihood, const FitResult& result, std::size_t parameter)
        : coordinates_(likelihood.coordinates()),
          parameter_(parameter),
          first_step_(first_step(likelihood, result, parameter)),
          profile_(likelihood, result, {parameter}) {}

    std::vector<ScanPoint> run(std::span<const double> points, double tolerance) {
        std::vector<double> u;
        for (const double point : points) u.push_back(coordinates_.to_internal(parameter_, point));
        if (points.size() >= least_for_interpolation && tolerance > 0.0 &&
            profile_.n_branches() == 1 && profile_.smooth()) {
            const auto [low, high] = std::minmax_element(u.begin(), u.end());
            profile_.accept(tolerance);
            const auto knots = ProfileCurve(profile_, first_step_, tolerance).between(*low, *high);
            // Where another branch becomes the deepest one the profile has a kink.
            if (!knots.empty() && profile_.n_branches() == 1) return interpolated(points, u, knots);
            profile_.accept(1e-8);
        }
        return computed(points, u);
    }

private:
    /// In u: the error of the parameter, or a part of its range.
    static double first_step(const Likelihood& likelihood,
                             const FitResult& result,
                             std::size_t parameter) {
        const auto& coordinates = likelihood.coordinates();
        const FittedParameter& fitted = result.parameters[parameter];
        const double range = coordinates.high()[parameter] - coordinates.low()[parameter];
        const double gradient =
            coordinates.gradient(parameter, coordinates.to_internal(parameter, fitted.value));
        return fitted.error > 0.0 && gradient > 0.0
                   ? std::min(0.5 * fitted.error / gradient, 0.1 * range)
                   : 0.02 * range;
    }

    /// Outwards from the best point, each predicted by its neighbours.
    std::vector<ScanPoint> computed(std::span<const double> points, std::span<const double> u) {
        const double best = profile_.best().u[parameter_];
        std::vector<std::size_t> order(points.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return std::abs(u[a] - best) < std::abs(u[b] - best);
        });
        std::vector<ScanPoint> scanned(points.size());
        for (const std::size_t k : order) {
            const ProfilePoint point = profile_.at(u[k]);
            scanned[k] = scan_point(coordinates_, points[k], profile_, point);
        }
        return scanned;
    }

    /// Below the floor of the mixture the likelihood is a wall, which no polynomial follows: points
    /// beside a knot that is there, or where one falls below 0, are fitted.
    std::vector<ScanPoint> interpolated(std::span<const double> points,
                                        std::span<const double> u,
                                        const std::vector<ProfilePoint>& knots) {
        std::vector<ScanPoint> scanned;
        profile_.accept(1e-8);
        for (std::size_t k = 0; k < points.size(); ++k) {
            auto right = std::lower_bound(
                knots.begin() + 1, knots.end() - 1, u[k],
                [&](const ProfilePoint& knot, double x) { return knot.u[parameter_] < x; });
            scanned.push_back(between(*std::prev(right), *right, points[k], u[k]));
            ScanPoint& point = scanned.back();
            if (point.interpolated && (point.below_floor > 0 || point.t < 0.0)) {
                point = scan_point(coordinates_, points[k], profile_, profile_.at(u[k]));
            }
        }
        return scanned;
    }

    ScanPoint between(const ProfilePoint& a, const ProfilePoint& b, double point, double u) const {
        for (const ProfilePoint* knot : {&a, &b}) {
            if (knot->u[parameter_] == u) {
                return scan_point(coordinates_, point, profile_, *knot);
            }
        }
        std::vector<double> theta = a.u;
        for (std::size_t i = 0; i < theta.size(); ++i) {
            theta[i] = Cubic{a.u[parameter_], a.u[i], a.tangent[0][i],
                             b.u[parameter_], b.u[i], b.tangent[0][i]}
                           .at(u);
        }
        theta[parameter_] = u;
        const double t = Quintic(knot_of(profile_, a), knot_of(profile_, b)).at(u);
        return {point, t,    coordinates_.to_external(theta),
                true,  true, std::max(a.below_floor, b.below_floor)};
    }

    const InternalCoordinates& coordinates_;
    std::size_t parameter_;
    double first_step_;
    Profile profile_;
};

std::size_t scanned_parameter(const StatisticalModel& model, const std::string& name) {
    return parameter_index(model, name.empty() ? model.parameter_of_interest : name);
}

}  // namespace

std::vector<double> default_scan_points(const StatisticalModel& model,
                                        const FitResult& result,
                                        std::size_t n,
                                        const std::string& parameter) {
    RATIOFARM_EXPECT(n >= 3);
    const std::size_t index = scanned_parameter(model, parameter);
    const Parameter& range = model.parameters[index];
    const FittedParameter& fitted = result.parameters[index];
    double low = range.low;
    double high = range.high;
    double error = fitted.error;
    if (!(error > 0.0)) {
        error = std::max(fitted.error_low.value_or(0.0), fitted.error_high.value_or(0.0));
    }
    if (error > 0.0) {
        low = std::max(low, fitted.value - scan_reach * error);
        high = std::min(high, fitted.value + scan_reach * error);
    }
    std::vector<double> points;
    for (std::size_t k = 0; k < n; ++k) {
        const double share = static_cast<double>(k) / static_cast<double>(n - 1);
        points.push_back(k + 1 == n ? high : low + share * (high - low));
    }
    // The point nearest to the fitted value becomes it, so that the curve touches zero.
    const auto nearest = std::min_element(points.begin(), points.end(), [&](double a, double b) {
        return std::abs(a - fitted.value) < std::abs(b - fitted.value);
    });
    // At the end of the range the square of a root may be off by a rounding.
    *nearest = std::clamp(fitted.value, range.low, range.high);
    return points;
}

std::vector<ScanPoint> scan(const Likelihood& likelihood,
                            const FitResult& result,
                            std::span<const double> points,
                            const ScanOptions& options) {
    const std::size_t parameter = scanned_parameter(likelihood.model(), options.parameter);
    check_points(likelihood.model().parameters[parameter], points);
    return Scan(likelihood, result, parameter).run(points, options.tolerance);
}

const ScanPoint* deeper_point(std::span<const ScanPoint> points) {
    const auto least =
        std::min_element(points.begin(), points.end(),
                         [](const ScanPoint& a, const ScanPoint& b) { return a.t < b.t; });
    return least == points.end() || !(least->t < 0.0) ? nullptr : &*least;
}

std::vector<ScanPoint> scan_grid(const Likelihood& likelihood,
                                 const FitResult& result,
                                 const ScanAxis& outer,
                                 const ScanAxis& inner) {
    const StatisticalModel& model = likelihood.model();
    const std::size_t a = scanned_parameter(model, outer.parameter);
    const std::size_t b = scanned_parameter(model, inner.parameter);
    if (a == b) throw ConfigError("scan: '" + model.parameters[a].name + "' is given twice");
    check_points(model.parameters[a], outer.points);
    check_points(model.parameters[b], inner.points);
    const auto& coordinates = likelihood.coordinates();
    Profile profile(likelihood, result, {a, b});
    std::vector<ScanPoint> points;
    for (const double x : outer.points) {
        for (const double y : inner.points) {
            const std::vector<double> held{coordinates.to_internal(a, x),
                                           coordinates.to_internal(b, y)};
            const ProfilePoint point = profile.at(held);
            points.push_back(scan_point(coordinates, x, profile, point));
        }
    }
    return points;
}

}  // namespace ratiofarm
