#include "profile_curve.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// More points than this and the profile is not smooth: fits at every point are better.
constexpr std::size_t most_points = 200;
constexpr int most_parts = 8;  ///< of one step
constexpr int most_depth = 4;  ///< parts of parts

/// Compared with what the sixth derivative by itself would give: a jump of the third one, where
/// interpolation codes change their formula, is foretold less badly.
constexpr double safety = 4.0;

bool is_knot(const ProfilePoint& point) { return point.converged && !point.tangent.empty(); }

}  // namespace

Knot knot_of(const Profile& profile, const ProfilePoint& point) {
    return {point.u[profile.held()], profile.t(point), 2.0 * point.gradient, 2.0 * point.curvature};
}

double ProfileCurve::error_between(const ProfilePoint& before,
                                   const ProfilePoint& from,
                                   const ProfilePoint& to) const {
    const Knot a = knot_of(profile_, before);
    const Knot b = knot_of(profile_, from);
    const Knot c = knot_of(profile_, to);
    // Of the lower end: beyond a wall of the likelihood t is 1e6 and more.
    const double size = std::max(1.0, std::min(b.value, c.value));
    const double miss = std::abs(Quintic(a, b).at(c.x) - c.value) / size;
    // Both errors are f^(6) / 720 times the cube of the product of the distances to the knots.
    const double outside = std::abs((c.x - a.x) * (c.x - b.x));
    const double inside = 0.25 * (c.x - b.x) * (c.x - b.x);
    return safety * miss * std::pow(inside / outside, 3);
}

/// Into how many equal parts an interval must be cut: the error goes with the sixth power of its
/// length. More than most_parts if they would not be enough.
int ProfileCurve::parts_for(double error) const {
    if (error <= tolerance_) return 1;
    const double parts = std::ceil(std::pow(error / tolerance_, 1.0 / 6.0));
    return parts <= most_parts ? static_cast<int>(parts) : most_parts + 1;  // so of NaN
}

/// Appends a point; before it others, where the last two did not foretell it. What lies between is
/// asked again: a parameter that changes its side there bends the profile in a small place.
/// \return the error of the whole step; none where the points are not good enough
std::optional<double> ProfileCurve::add(Points& points, ProfilePoint next, int depth) {
    if (!is_knot(next) || points.size() > most_points) return std::nullopt;
    const double error = error_between(points[points.size() - 2], points.back(), next);
    const int parts = parts_for(error);
    if (parts > most_parts || (parts > 1 && depth == most_depth)) return std::nullopt;
    const double from = points.back().u[profile_.held()];
    const double length = next.u[profile_.held()] - from;
    for (int part = 1; part < parts; ++part) {
        if (!add(points, profile_.at(from + length * part / parts), depth + 1)) return std::nullopt;
    }
    if (parts > 1) {
        if (!add(points, std::move(next), depth + 1)) return std::nullopt;
    } else {
        points.push_back(std::move(next));
    }
    return error;
}

/// \param points two or more, the last two are where the walk begins
bool ProfileCurve::walk(Points& points, double end) {
    const std::size_t x = profile_.held();
    const double sense = end > points.back().u[x] ? 1.0 : -1.0;
    double step = first_step_;
    while (points.back().u[x] != end) {
        double u = points.back().u[x] + sense * step;
        if (sense * (u - end) > -0.2 * step) u = end;
        const double length = std::abs(u - points.back().u[x]);
        const auto error = add(points, profile_.at(u));
        if (!error) return false;
        const double better = 0.9 * std::pow(tolerance_ / std::max(*error, 1e-300), 1.0 / 6.0);
        step = length * std::clamp(better, 0.4, 1.8);
    }
    return true;
}

std::vector<ProfilePoint> ProfileCurve::between(double low, double high) {
    RATIOFARM_EXPECT(low < high);
    const std::size_t x = profile_.held();
    const ProfilePoint best = profile_.best();
    const double start = std::clamp(best.u[x], low, high);
    const ProfilePoint middle = start == best.u[x] ? best : profile_.at(start);
    if (!is_knot(middle)) return {};

    const double towards = high - start > start - low ? 1.0 : -1.0;  // the longer side first
    const auto side = [&](double sense) { return sense > 0.0 ? high : low; };
    const auto reach = [&](double sense) {
        const double u = start + sense * first_step_;
        return sense * (u - side(sense)) > 0.0 ? side(sense) : u;
    };
    const ProfilePoint first = profile_.at(reach(towards));
    if (!is_knot(first)) return {};
    Points behind{first, middle};
    if (!walk(behind, side(-towards))) return {};
    // The first step is foretold from behind or, where nothing is there, from ahead.
    const bool from_behind = behind.size() > 2;
    Points ahead = from_behind ? Points{behind[2], middle} : Points{middle, first};
    if (from_behind && !add(ahead, first)) return {};
    if (!walk(ahead, side(towards))) return {};
    if (!from_behind && ahead.size() > 2) {
        Points back{ahead[2], first};
        if (!add(back, middle)) return {};
        ahead.erase(ahead.begin(), ahead.begin() + 2);
        ahead.insert(ahead.begin(), back.rbegin(), back.rend() - 1);
    }
    Points all(behind.rbegin(), behind.rend() - (from_behind ? 3 : 2));
    all.insert(all.end(), ahead.begin(), ahead.end());
    if (towards < 0.0) std::reverse(all.begin(), all.end());
    return all;
}

}  // namespace ratiofarm
