#include "ratiofarm/fit/scan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "profile.hpp"

namespace ratiofarm {
namespace {

/// How far default_scan_points looks, in errors.
constexpr double scan_reach = 3.5;

void check_points(const Parameter& poi, std::span<const double> points) {
    for (const double point : points) {
        if (point >= poi.low && point <= poi.high) continue;
        throw ConfigError("scan of '" + poi.name + "': point " + std::to_string(point) +
                          " (allowed: " + std::to_string(poi.low) + " to " +
                          std::to_string(poi.high) + ", the parameter's range)");
    }
}

/// One end of an interval: the crossing t = level between mu-hat and a side of the range.
class Crossing {
public:
    Crossing(const Profile& profile, double level) : profile_(profile), level_(level) {}

    /// \param side end of the range in u  \param step first step in u, > 0
    std::optional<double> find(double side, double step) {
        const double start = profile_.best()[profile_.poi()];
        const double sense = side > start ? 1.0 : -1.0;
        near_ = profile_.best();
        double inside = start;
        double below = excess(start);
        for (double reach = step; inside != side; reach *= 1.5) {
            double outside = start + sense * reach;
            if (sense * (outside - side) > 0.0) outside = side;
            const double above = excess(outside);
            if (above >= 0.0) return refine({inside, below}, {outside, above}, 1e-9 * step);
            inside = outside;
            below = above;
        }
        return std::nullopt;
    }

private:
    struct Point {
        double u;
        double excess;
    };

    /// sqrt(t) - sqrt(level): almost linear in u. Remembers where it was for the next start.
    double excess(double u) {
        const NewtonResult point = profile_.at(u, near_);
        near_ = point.u;
        return std::sqrt(std::max(0.0, profile_.t(point))) - std::sqrt(level_);
    }

    /// Regula falsi; the value at an end that stays twice running is halved (Illinois variant),
    /// or that end would never move.
    double refine(Point inside, Point outside, double tolerance) {
        int stayed = 0;  // +1: inside was replaced last, -1: outside was
        for (int iteration = 0; iteration < 60; ++iteration) {
            if (std::abs(outside.u - inside.u) <= tolerance) break;
            const double share = inside.excess / (inside.excess - outside.excess);
            const double u = inside.u + share * (outside.u - inside.u);
            const Point next{u, excess(u)};
            if (std::abs(next.excess) < 1e-10) return u;
            const bool is_inside = next.excess < 0.0;
            if (is_inside && stayed > 0) outside.excess *= 0.5;
            if (!is_inside && stayed < 0) inside.excess *= 0.5;
            stayed = is_inside ? 1 : -1;
            (is_inside ? inside : outside) = next;
        }
        return outside.u;
    }

    const Profile& profile_;
    double level_;
    std::vector<double> near_;
};

}  // namespace

std::vector<double> default_scan_points(const StatisticalModel& model,
                                        const FitResult& result,
                                        std::size_t n) {
    RATIOFARM_EXPECT(n >= 3);
    const std::size_t index = parameter_index(model, model.parameter_of_interest);
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
    // The point nearest to mu-hat becomes mu-hat, so that the curve touches zero.
    const auto nearest = std::min_element(points.begin(), points.end(), [&](double a, double b) {
        return std::abs(a - fitted.value) < std::abs(b - fitted.value);
    });
    *nearest = fitted.value;
    return points;
}

std::vector<ScanPoint> scan(const Likelihood& likelihood,
                            const FitResult& result,
                            std::span<const double> points) {
    const Profile profile(likelihood, result);
    check_points(likelihood.model().parameters[profile.poi()], points);
    const auto& coordinates = likelihood.coordinates();
    const double best = coordinates.to_external(profile.poi(), profile.best()[profile.poi()]);

    // Outwards from mu-hat, first up then down, each from its neighbour.
    std::vector<std::size_t> order(points.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const bool above_a = points[a] >= best;
        const bool above_b = points[b] >= best;
        if (above_a != above_b) return above_a;
        return above_a ? points[a] < points[b] : points[a] > points[b];
    });
    std::vector<ScanPoint> result_points(points.size());
    std::vector<double> near = profile.best();
    bool going_up = true;
    for (const std::size_t k : order) {
        if (going_up && points[k] < best) {
            near = profile.best();
            going_up = false;
        }
        const NewtonResult point =
            profile.at(coordinates.to_internal(profile.poi(), points[k]), near);
        near = point.u;
        result_points[k] = {points[k], profile.t(point), coordinates.to_external(point.u),
                            point.converged};
    }
    return result_points;
}

Interval interval(const Likelihood& likelihood, const FitResult& result, double level) {
    RATIOFARM_EXPECT(level > 0.0);
    const Profile profile(likelihood, result);
    const std::size_t poi = profile.poi();
    const auto& coordinates = likelihood.coordinates();
    const double low = profile.space().low[poi];
    const double high = profile.space().high[poi];
    const double slope = coordinates.slope(poi, profile.best()[poi]);
    const double error = result.parameters[poi].error;
    const double step = error > 0.0 && slope > 0.0
                            ? std::min(error / slope, 0.25 * (high - low)) * std::sqrt(level)
                            : 0.05 * (high - low);

    Crossing crossing(profile, level);
    const auto to_external = [&](std::optional<double> u) -> std::optional<double> {
        if (!u) return std::nullopt;
        return coordinates.to_external(poi, *u);
    };
    return {to_external(crossing.find(low, step)), to_external(crossing.find(high, step))};
}

}  // namespace ratiofarm
