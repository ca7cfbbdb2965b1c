#include "interval.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// One end of an interval: the crossing t = level between the best point and a side of the range.
class Crossing {
public:
    Crossing(Profile& profile, double level) : profile_(profile), target_(std::sqrt(level)) {}

    /// \param side end of the range in u  \param step first step in u, > 0
    std::optional<double> find(double side, double step) {
        Place inside{profile_.best().u[profile_.held()], -target_, 0.0};
        const double sense = side > inside.u ? 1.0 : -1.0;
        tolerance_ = 1e-9 * step;
        for (int k = 0; k < 200 && inside.u != side; ++k) {
            double u = inside.u + sense * step;
            if (sense * (u - side) > 0.0) u = side;
            const Place next = at(u);
            if (failed_) return std::nullopt;
            if (next.excess >= 0.0) return refine(inside, next);
            step = next_step(next, sense, step);
            inside = next;
        }
        return std::nullopt;
    }

    /// A conditional fit did not converge: what find() returned says nothing.
    bool failed() const { return failed_; }

private:
    /// sqrt(t) - sqrt(level), which is almost linear in u.
    struct Place {
        double u;
        double excess;
        double gradient;  // d excess / du
    };

    Place at(double u) {
        const ProfilePoint point = profile_.at(u);
        failed_ = failed_ || !point.converged;
        const double root = std::sqrt(std::max(0.0, profile_.t(point)));
        return {u, root - target_, root > 0.0 ? point.gradient / root : 0.0};
    }

    /// Where the gradient promises the crossing, a little beyond it, within reason.
    static double next_step(const Place& place, double sense, double step) {
        const double promised = 1.1 * place.excess / place.gradient * -sense;
        return promised > 0.0 ? std::clamp(promised, 0.1 * step, 1.5 * step) : 1.5 * step;
    }

    /// Newton inside a bracket, halving it where Newton leaves it or is slow.
    std::optional<double> refine(Place inside, Place outside) {
        Place last =
            std::abs(inside.excess) < outside.excess && inside.gradient != 0.0 ? inside : outside;
        for (int iteration = 0; iteration < 80; ++iteration) {
            if (std::abs(last.excess) < 1e-10) return last.u;
            const double width = std::abs(outside.u - inside.u);
            if (width <= tolerance_) break;
            double u = last.u - last.excess / last.gradient;
            const auto [low, high] = std::minmax(inside.u, outside.u);
            if (!(u > low && u < high) || iteration % 4 == 3) u = 0.5 * (low + high);
            last = at(u);
            if (failed_) return std::nullopt;
            (last.excess < 0.0 ? inside : outside) = last;
        }
        return outside.u;
    }

    Profile& profile_;
    double target_;
    double tolerance_ = 0.0;
    bool failed_ = false;
};

}  // namespace

Interval interval_of(Profile& profile,
                     const InternalCoordinates& coordinates,
                     double error,
                     double level) {
    RATIOFARM_EXPECT(level > 0.0);
    const std::size_t a = profile.held();
    const double range = profile.space().range(a);
    const double gradient = coordinates.gradient(a, profile.best().u[a]);
    const double step = error > 0.0 && gradient > 0.0
                            ? std::min(error / gradient, 0.25 * range) * std::sqrt(level)
                            : 0.05 * range;
    const auto to_external = [&](std::optional<double> u) -> std::optional<double> {
        if (!u) return std::nullopt;
        return coordinates.to_external(a, *u);
    };
    Crossing below(profile, level);
    Crossing above(profile, level);
    Interval ends{to_external(below.find(profile.space().low[a], step)),
                  to_external(above.find(profile.space().high[a], step))};
    ends.converged = !below.failed() && !above.failed();
    return ends;
}

Interval interval(const Likelihood& likelihood,
                  const FitResult& result,
                  double level,
                  const std::string& parameter) {
    const std::size_t a =
        parameter_index(likelihood.model(), parameter.empty() ? result.poi : parameter);
    Profile profile(likelihood, result, {a});
    return interval_of(profile, likelihood.coordinates(), result.parameters[a].error, level);
}

}  // namespace ratiofarm
