#include "ratiofarm/fit/scan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "profile.hpp"
#include "quintic.hpp"

namespace ratiofarm {
namespace {

/// How far default_scan_points looks, in errors.
constexpr double scan_reach = 3.5;

/// From this many points on, every stride-th is computed and the others are interpolated.
constexpr std::size_t least_for_interpolation = 15;
constexpr std::size_t stride = 3;

void check_points(const Parameter& parameter, std::span<const double> points) {
    for (const double point : points) {
        if (point >= parameter.low && point <= parameter.high) continue;
        throw ConfigError("scan of '" + parameter.name + "': point " + std::to_string(point) +
                          " (allowed: " + std::to_string(parameter.low) + " to " +
                          std::to_string(parameter.high) + ", the parameter's range)");
    }
}

/// A scan along one parameter, its points in ascending order of u.
class Scan {
public:
    Scan(const Likelihood& likelihood, const FitResult& result, std::size_t parameter)
        : likelihood_(likelihood),
          parameter_(parameter),
          profile_(likelihood, result, {parameter}) {}

    std::vector<ScanPoint> run(std::span<const double> points, double tolerance) {
        points_.assign(points.begin(), points.end());
        order_.resize(points.size());
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(),
                         [&](auto a, auto b) { return points_[a] < points_[b]; });
        computed_.resize(points.size());

        const bool interpolates = points.size() >= least_for_interpolation && tolerance > 0.0 &&
                                  profile_.n_branches() == 1;
        std::vector<std::size_t> nodes;
        for (std::size_t k = 0; k < order_.size(); ++k) {
            if (!interpolates || k % stride == 0 || k + 1 == order_.size()) nodes.push_back(k);
        }
        compute(nodes);
        std::vector<ScanPoint> scanned(points.size());
        if (interpolates) fill_gaps(nodes, tolerance, scanned);
        for (std::size_t k = 0; k < order_.size(); ++k) {
            if (computed_[k]) scanned[order_[k]] = as_scan_point(k);
        }
        return scanned;
    }

private:
    double internal(std::size_t k) const {
        return likelihood_.coordinates().to_internal(parameter_, points_[order_[k]]);
    }

    /// Outwards from the best point, each predicted by its neighbours.
    void compute(std::span<const std::size_t> places) {
        const double best = profile_.best().u[parameter_];
        const auto above = std::find_if(places.begin(), places.end(),
                                        [&](std::size_t k) { return internal(k) >= best; });
        for (auto k = above; k != places.end(); ++k) computed_[*k] = profile_.at(internal(*k));
        for (auto k = above; k != places.begin();) {
            --k;
            computed_[*k] = profile_.at(internal(*k));
        }
    }

    Knot knot(std::size_t k) const {
        return {internal(k), profile_.t(*computed_[k]), 2.0 * computed_[k]->slope,
                2.0 * computed_[k]->curvature};
    }

    /// How far the quintic over two gaps misses the node between them. A gap of half the length is
    /// better by a factor of 64.
    double miss(std::size_t before, std::size_t node, std::size_t after) const {
        const bool settled = computed_[before]->converged && computed_[node]->converged &&
                             computed_[after]->converged;
        if (!settled) return HUGE_VAL;
        const double t = profile_.t(*computed_[node]);
        return std::abs(Quintic(knot(before), knot(after)).at(internal(node)) - t) /
               std::max(1.0, t);
    }

    /// Interpolates between nodes where that is good enough, computes the points elsewhere.
    void fill_gaps(const std::vector<std::size_t>& nodes,
                   double tolerance,
                   std::vector<ScanPoint>& scanned) {
        std::vector<double> misses(nodes.size());
        for (std::size_t n = 1; n + 1 < nodes.size(); ++n) {
            misses[n] = miss(nodes[n - 1], nodes[n], nodes[n + 1]);
        }
        std::vector<std::size_t> missing;
        for (std::size_t n = 0; n + 1 < nodes.size(); ++n) {
            const bool good = std::max(misses[n], misses[n + 1]) <= 16.0 * tolerance;
            for (std::size_t k = nodes[n] + 1; k < nodes[n + 1]; ++k) {
                if (good) {
                    scanned[order_[k]] = interpolated(k, nodes[n], nodes[n + 1]);
                } else {
                    missing.push_back(k);
                }
            }
        }
        compute(missing);
    }

    ScanPoint interpolated(std::size_t k, std::size_t left, std::size_t right) const {
        const ProfilePoint& a = *computed_[left];
        const ProfilePoint& b = *computed_[right];
        const double u = internal(k);
        std::vector<double> theta = a.u;
        for (std::size_t i = 0; i < theta.size(); ++i) {
            theta[i] = Cubic{internal(left),  a.u[i], a.tangent.empty() ? 0.0 : a.tangent[0][i],
                             internal(right), b.u[i], b.tangent.empty() ? 0.0 : b.tangent[0][i]}
                           .at(u);
        }
        theta[parameter_] = u;
        return {points_[order_[k]], Quintic(knot(left), knot(right)).at(u),
                likelihood_.coordinates().to_external(theta), true, true};
    }

    ScanPoint as_scan_point(std::size_t k) const {
        return {points_[order_[k]], profile_.t(*computed_[k]),
                likelihood_.coordinates().to_external(computed_[k]->u), computed_[k]->converged,
                false};
    }

    const Likelihood& likelihood_;
    std::size_t parameter_;
    Profile profile_;
    std::vector<double> points_;
    std::vector<std::size_t> order_;                     // positions of points_, ascending
    std::vector<std::optional<ProfilePoint>> computed_;  // by position in order_
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
    if (fitted.error > 0.0) {
        low = std::max(low, fitted.value - scan_reach * fitted.error);
        high = std::min(high, fitted.value + scan_reach * fitted.error);
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
    *nearest = fitted.value;
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
            points.push_back(
                {x, profile.t(point), coordinates.to_external(point.u), point.converged, false});
        }
    }
    return points;
}

}  // namespace ratiofarm
