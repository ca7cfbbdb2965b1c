#include "covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "dense.hpp"

namespace ratiofarm {
namespace {

/// Eigenvalues of the Hessian with unit diagonal below this are zero but for rounding.
constexpr double flat_curvature = 1e-11;

/// A slope at a kink below this in units of 1 / error is rounding: data without a pull, as Asimov
/// data are, leave a parameter at its kink, where its error is that of one side.
constexpr double negligible_slope = 1e-3;

/// The Hessian over some components with its diagonal taken out: unit[k] is the error of component
/// k with all others fixed.
struct CorrelationForm {
    dense::Vector unit;
    dense::Matrix matrix;
};

/// \param added [free], to the diagonal
CorrelationForm correlation_form(const NewtonResult& minimum,
                                 const SearchSpace& space,
                                 std::span<const std::size_t> free,
                                 std::span<const double> added) {
    const std::size_t n = minimum.u.size();
    CorrelationForm form{dense::Vector(free.size()), dense::Matrix(free.size(), free.size())};
    const auto element = [&](std::size_t k, std::size_t l) {
        return minimum.at.hessian[free[k] * n + free[l]] + (k == l ? added[k] : 0.0);
    };
    for (std::size_t k = 0; k < free.size(); ++k) {
        const double curvature = element(k, k);
        form.unit[k] = curvature > 0.0 ? 1.0 / std::sqrt(curvature) : space.range(free[k]);
    }
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            form.matrix(k, l) = element(k, l) * form.unit[k] * form.unit[l];
        }
    }
    return form;
}

/// The parameters that make up most of a direction, at most five.
FlatDirection named(std::span<const double> direction,
                    std::span<const std::size_t> free,
                    const FitResult& result) {
    std::vector<std::size_t> order(free.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t k, std::size_t l) {
        return std::abs(direction[k]) > std::abs(direction[l]) + 1e-9;
    });
    FlatDirection flat;
    const double sense = direction[order.front()] < 0.0 ? -1.0 : 1.0;
    for (const std::size_t k : order) {
        const double share = sense * direction[k];
        if (flat.leading.size() == 5 || std::abs(share) < 0.1) break;
        flat.leading.push_back({result.parameters[free[k]].name, share});
    }
    return flat;
}

/// The inverse over the directions with curvature.
struct Inverse {
    dense::Matrix covariance;
    dense::Matrix flat;  ///< columns: directions without curvature
    double condition_number = 1.0;
    /// Of a component: infinite where a flat direction moves it.
    double variance(std::size_t k) const {
        for (std::size_t c = 0; c < flat.columns(); ++c) {
            if (std::abs(flat(k, c)) > 1e-5) return std::numeric_limits<double>::infinity();
        }
        return covariance(k, k);
    }
};

Inverse inverse(const CorrelationForm& form) {
    const dense::Spectrum spectrum = dense::spectrum_of(form.matrix);
    const dense::Vector& eigenvalues = spectrum.eigenvalues;
    const double largest = dense::largest_size(eigenvalues);
    const std::size_t n = eigenvalues.size();
    dense::Vector weight(n);
    std::vector<std::size_t> flat;
    for (std::size_t k = 0; k < n; ++k) {
        if (eigenvalues[k] > flat_curvature * largest) {
            weight[k] = 1.0 / eigenvalues[k];
        } else {
            flat.push_back(k);
        }
    }
    Inverse result{dense::matrix_of(spectrum.eigenvectors, weight), dense::Matrix(n, flat.size())};
    result.condition_number =
        flat.empty() ? largest / eigenvalues.front() : std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t l = 0; l < n; ++l) {
            result.covariance(k, l) = form.unit[k] * result.covariance(k, l) * form.unit[l];
        }
        for (std::size_t c = 0; c < flat.size(); ++c) {
            result.flat(k, c) = spectrum.eigenvectors(k, flat[c]);
        }
    }
    return result;
}

/// The covariance where some components could leave their range within their errors. Those are no
/// better known than by their range, which then tells of them, so that the others are not counted
/// as unknown for what cannot happen. \param determined [free], false: its variance is that of the
/// range, or depends on it
dense::Matrix covariance_within(const NewtonResult& minimum,
                                const SearchSpace& space,
                                std::span<const std::size_t> free,
                                std::vector<bool>& determined) {
    const std::size_t n = free.size();
    dense::Vector by_range(n);  // added curvatures
    CorrelationForm form = correlation_form(minimum, space, free, by_range);
    const dense::Vector alone = form.unit;
    Inverse inverted = inverse(form);
    for (std::size_t round = 0; round < n; ++round) {
        std::size_t worst = n;
        for (std::size_t k = 0; k < n; ++k) {
            const double range = space.range(free[k]);
            if (by_range[k] > 0.0 || inverted.variance(k) <= range * range) continue;
            if (worst == n || alone[k] / range > alone[worst] / space.range(free[worst])) worst = k;
        }
        if (worst == n) break;
        by_range[worst] = std::pow(space.range(free[worst]), -2);
        inverted = inverse(correlation_form(minimum, space, free, by_range));
    }
    dense::Vector looser = by_range;
    for (double& curvature : looser) curvature *= 0.01;
    const Inverse compared = inverse(correlation_form(minimum, space, free, looser));
    determined.assign(n, true);
    for (std::size_t k = 0; k < n; ++k) {
        determined[k] = by_range[k] == 0.0 && compared.variance(k) < 1.02 * inverted.variance(k);
    }
    return inverted.covariance;
}

bool any_beyond_range(const Inverse& inverted,
                      const SearchSpace& space,
                      std::span<const std::size_t> free) {
    for (std::size_t k = 0; k < free.size(); ++k) {
        if (inverted.variance(k) > std::pow(space.range(free[k]), 2)) return true;
    }
    return false;
}

/// The free components, and those that a kink holds without a slope.
std::vector<std::size_t> components_with_error(const NewtonResult& minimum,
                                               const SearchSpace& space,
                                               FitResult& result) {
    std::vector<std::size_t> free = minimum.curvature.free;
    const std::size_t n = minimum.u.size();
    for (std::size_t a = 0; a < n; ++a) {
        const bool is_free =
            std::binary_search(minimum.curvature.free.begin(), minimum.curvature.free.end(), a);
        if (is_free || space.held[a] || !space.is_kinked(a) || minimum.u[a] != 0.0) continue;
        const double curvature = minimum.at.hessian[a * (n + 1)];
        if (curvature > 0.0 &&
            std::abs(minimum.at.gradient[a]) < negligible_slope * std::sqrt(curvature)) {
            free.push_back(a);
        } else {
            result.parameters[a].no_error = NoError::kink;
        }
    }
    std::sort(free.begin(), free.end());
    return free;
}

void fill_correlation(std::span<const std::size_t> free, FitResult& result) {
    for (const std::size_t a : free) {
        result.parameters[a].error = std::sqrt(result.covariance[a][a]);
    }
    for (const std::size_t a : free) {
        for (const std::size_t b : free) {
            const double product = result.parameters[a].error * result.parameters[b].error;
            result.correlation[a][b] = product > 0.0 ? result.covariance[a][b] / product : 0.0;
        }
        result.correlation[a][a] = 1.0;
    }
}

}  // namespace

void fill_covariance(const NewtonResult& minimum,
                     const SearchSpace& space,
                     const InternalCoordinates& coordinates,
                     FitResult& result) {
    const std::size_t n = minimum.u.size();
    const std::vector<std::size_t> free = components_with_error(minimum, space, result);
    result.covariance.assign(n, std::vector<double>(n));
    result.correlation.assign(n, std::vector<double>(n));
    if (free.empty()) return;

    const dense::Vector nothing(free.size());
    const Inverse inverted = inverse(correlation_form(minimum, space, free, nothing));
    result.condition_number = inverted.condition_number;
    for (std::size_t c = 0; c < inverted.flat.columns(); ++c) {
        result.flat_directions.push_back(named(inverted.flat.column(c), free, result));
    }
    dense::Matrix v = inverted.covariance;
    std::vector<bool> determined(free.size(), true);
    if (any_beyond_range(inverted, space, free)) {
        v = covariance_within(minimum, space, free, determined);
    }
    std::vector<std::size_t> shown;  // places in free
    for (std::size_t k = 0; k < free.size(); ++k) {
        const std::size_t a = free[k];
        // Where p = u^2 bends within the error of u, dp/du says nothing about the error of p.
        const bool bends = coordinates.is_root(a) && minimum.u[a] < std::sqrt(v(k, k));
        if (!determined[k]) result.parameters[a].no_error = NoError::undetermined;
        if (determined[k] && bends) result.parameters[a].no_error = NoError::root;
        if (determined[k] && !bends) shown.push_back(k);
    }
    for (const std::size_t k : shown) {
        for (const std::size_t l : shown) {
            result.covariance[free[k]][free[l]] =
                v(k, l) * coordinates.gradient(free[k], minimum.u[free[k]]) *
                coordinates.gradient(free[l], minimum.u[free[l]]);
        }
    }
    std::vector<std::size_t> parameters;
    for (const std::size_t k : shown) parameters.push_back(free[k]);
    fill_correlation(parameters, result);
}

}  // namespace ratiofarm
