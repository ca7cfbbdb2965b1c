#include "normalisation_expansion.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// Place of x between two knots, or beyond the last one.
struct Place {
    std::size_t left = 0;
    std::size_t right = 0;  ///< equal to left beyond the knots
    double h = 1.0;
    double s = 0.0;  ///< (x - left) / h
};

Place place_of(const std::vector<double>& knots, double x) {
    const auto above = std::upper_bound(knots.begin(), knots.end(), x);
    if (above == knots.begin()) return {0, 0, 1.0, x - knots.front()};
    const auto right = static_cast<std::size_t>(above - knots.begin());
    if (above == knots.end()) return {right - 1, right - 1, 1.0, x - knots.back()};
    const double h = knots[right] - knots[right - 1];
    return {right - 1, right, h, (x - knots[right - 1]) / h};
}

using Derivatives = std::array<double, 3>;  ///< value, gradient, curvature

/// The polynomial of fifth order through both knots; a parabola beyond.
Derivatives quintic(const Place& at, const Derivatives& left, const Derivatives& right) {
    const auto& [v0, d0, k0] = left;
    const auto& [v1, d1, k1] = right;
    const double h = at.h;
    const double s = at.s;
    if (at.left == at.right) return {v0 + s * (d0 + 0.5 * s * k0), d0 + s * k0, k0};
    const double c1 = h * d0;
    const double c2 = 0.5 * h * h * k0;
    const double value = v1 - v0 - c1 - c2;
    const double gradient = h * d1 - c1 - 2.0 * c2;
    const double curvature = 0.5 * h * h * k1 - c2;
    const double c3 = 10.0 * value - 4.0 * gradient + curvature;
    const double c4 = -15.0 * value + 7.0 * gradient - 2.0 * curvature;
    const double c5 = 6.0 * value - 3.0 * gradient + curvature;
    return {v0 + s * (c1 + s * (c2 + s * (c3 + s * (c4 + s * c5)))),
            (c1 + s * (2.0 * c2 + s * (3.0 * c3 + s * (4.0 * c4 + s * 5.0 * c5)))) / h,
            (2.0 * c2 + s * (6.0 * c3 + s * (12.0 * c4 + s * 20.0 * c5))) / (h * h)};
}

/// The cubic through both knots; a straight line beyond.
Derivatives cubic(const Place& at, double v0, double d0, double v1, double d1) {
    const double s = at.s;
    if (at.left == at.right) return {v0 + s * d0, d0, 0.0};
    const double chord = (v1 - v0) / at.h;
    const double c2 = 3.0 * chord - 2.0 * d0 - d1;
    const double c3 = d0 + d1 - 2.0 * chord;
    return {v0 + at.h * s * (d0 + s * (c2 + s * c3)), d0 + s * (2.0 * c2 + 3.0 * s * c3),
            (2.0 * c2 + 6.0 * s * c3) / at.h};
}

/// One process near a point, by the axes.
class ByAxes {
public:
    ByAxes(const NormalisationExpansion& expansion,
           std::size_t process,
           std::span<const double> alpha)
        : expansion_(expansion), process_(process), p_(alpha.size()) {
        for (std::size_t a = 0; a < p_; ++a) {
            places_.push_back(place_of(expansion.axes[a].knots, alpha[a]));
        }
    }

    Derivatives along(std::size_t a) const {
        const NormalisationAxis& axis = expansion_.axes[a];
        const Derivatives* values = axis.values.data() + process_ * axis.knots.size();
        return quintic(places_[a], values[places_[a].left], values[places_[a].right]);
    }

    /// g_ab: the change of the gradient in b along axis a.
    Derivatives change_of_gradient(std::size_t a, std::size_t b) const {
        const NormalisationAxis& axis = expansion_.axes[a];
        const std::size_t first = process_ * axis.knots.size();
        const std::size_t left = (first + places_[a].left) * p_ + b;
        const std::size_t right = (first + places_[a].right) * p_ + b;
        Derivatives change = cubic(places_[a], axis.gradients[left], axis.curvatures[left],
                                   axis.gradients[right], axis.curvatures[right]);
        change[0] -= expansion_.log_z[process_].gradient[b];
        return change;
    }

private:
    const NormalisationExpansion& expansion_;
    std::size_t process_;
    std::size_t p_;
    std::vector<Place> places_;
};

LogNormalisation second_order(const LogNormalisation& at, std::span<const double> distance) {
    const std::size_t p = distance.size();
    LogNormalisation result = at;
    for (std::size_t a = 0; a < p; ++a) {
        double curvature = 0.0;
        for (std::size_t b = 0; b < p; ++b) curvature += at.hessian[a * p + b] * distance[b];
        result.value += distance[a] * (at.gradient[a] + 0.5 * curvature);
        result.gradient[a] += curvature;
    }
    return result;
}

void add_pair(const ByAxes& axes,
              std::span<const double> distance,
              std::array<std::size_t, 2> pair,
              LogNormalisation& to) {
    const auto [a, b] = pair;
    const std::size_t p = distance.size();
    const double h = to.hessian[a * p + b];  // of the point still
    const Derivatives by_a = axes.change_of_gradient(a, b);
    const Derivatives by_b = axes.change_of_gradient(b, a);
    const double da = distance[a];
    const double db = distance[b];
    to.value += by_a[0] * db + da * by_b[0] - h * da * db;
    to.gradient[a] += by_a[1] * db + by_b[0] - h * db;
    to.gradient[b] += by_a[0] + da * by_b[1] - h * da;
    to.hessian[a * p + a] += by_a[2] * db;
    to.hessian[b * p + b] += da * by_b[2];
    to.hessian[a * p + b] = by_a[1] + by_b[1] - h;
    to.hessian[b * p + a] = to.hessian[a * p + b];
}

}  // namespace

LogNormalisation expanded(const NormalisationExpansion& expansion,
                          std::size_t process,
                          std::span<const double> alpha) {
    const std::size_t p = alpha.size();
    const LogNormalisation& at = expansion.log_z[process];
    std::vector<double> distance(p);
    for (std::size_t a = 0; a < p; ++a) distance[a] = alpha[a] - expansion.point[a];
    if (expansion.axes.empty()) return second_order(at, distance);
    const ByAxes axes(expansion, process, alpha);
    LogNormalisation result = at;
    std::vector<std::size_t> active;  // what the process depends on at all
    for (std::size_t a = 0; a < p; ++a) {
        if (at.gradient[a] == 0.0 && at.hessian[a * p + a] == 0.0) continue;
        active.push_back(a);
        const Derivatives single = axes.along(a);
        result.value += single[0] - at.value;
        result.gradient[a] = single[1];
        result.hessian[a * p + a] = single[2];
    }
    for (const std::size_t a : active) {
        for (const std::size_t b : active) {
            if (a < b) add_pair(axes, distance, {a, b}, result);
        }
    }
    return result;
}

std::vector<double> axis_knots(double point, double low, double high, bool kink) {
    constexpr double reach = 10.0;  // beyond it the end is continued as a parabola
    constexpr double step = 0.5;    // the joints of the codes, -1, 0 and 1, are knots
    constexpr double close = 0.05;
    std::vector<double> knots;
    const auto add = [&](double x) {
        if (x > low && x < high && std::abs(x - point) > close) knots.push_back(x);
    };
    const double first = std::ceil(std::max(low, point - reach) / step) * step;
    const double last = std::min(high, point + reach);
    for (double x = first; x <= last; x += step) {
        if (kink && x == 0.0) {
            add(-0.02);
            add(0.02);
        } else {
            add(x);
        }
    }
    knots.push_back(std::max(low, point - reach));
    knots.push_back(last);
    knots.push_back(point);
    std::sort(knots.begin(), knots.end());
    knots.erase(std::unique(knots.begin(), knots.end()), knots.end());
    return knots;
}

void add_axes(NormalisationExpansion& expansion,
              const std::vector<std::vector<double>>& knots,
              const LogNormalisations& exact) {
    const std::size_t p = expansion.point.size();
    const std::size_t s = expansion.log_z.size();
    RATIOFARM_EXPECT(knots.size() == p);
    for (std::size_t a = 0; a < p; ++a) {
        const std::size_t n = knots[a].size();
        NormalisationAxis axis{knots[a], {}, {}, {}};
        axis.values.resize(s * n);
        axis.gradients.resize(s * n * p);
        axis.curvatures.resize(s * n * p);
        std::vector<double> alpha = expansion.point;
        for (std::size_t k = 0; k < n; ++k) {
            alpha[a] = knots[a][k];
            const std::vector<LogNormalisation> at = exact(alpha);
            for (std::size_t j = 0; j < s; ++j) {
                const std::size_t place = j * n + k;
                axis.values[place] = {at[j].value, at[j].gradient[a], at[j].hessian[a * p + a]};
                for (std::size_t b = 0; b < p; ++b) {
                    axis.gradients[place * p + b] = at[j].gradient[b];
                    axis.curvatures[place * p + b] = at[j].hessian[a * p + b];
                }
            }
        }
        expansion.axes.push_back(std::move(axis));
    }
}

}  // namespace ratiofarm
