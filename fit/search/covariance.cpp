#include "covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dense.hpp"

namespace ratiofarm {
namespace {

/// Eigenvalues of the Hessian with unit diagonal below this are zero but for rounding.
constexpr double flat_curvature = 1e-11;

/// H restricted to the free components, with its diagonal taken out: unit[k] is the error of
/// component k with all others fixed.
struct CorrelationForm {
    dense::Vector unit;
    dense::Matrix matrix;
};

CorrelationForm correlation_form(const NewtonResult& minimum, const SearchSpace& space) {
    const auto& free = minimum.curvature.free;
    const std::size_t n = minimum.u.size();
    CorrelationForm form{dense::Vector(free.size()), dense::Matrix(free.size(), free.size())};
    for (std::size_t k = 0; k < free.size(); ++k) {
        const double curvature = minimum.at.hessian[free[k] * n + free[k]];
        form.unit[k] = curvature > 0.0 ? 1.0 / std::sqrt(curvature) : space.range(free[k]);
    }
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            form.matrix(k, l) =
                minimum.at.hessian[free[k] * n + free[l]] * form.unit[k] * form.unit[l];
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

/// The inverse over the directions with curvature; the others go into the result.
dense::Matrix inverse(const CorrelationForm& form,
                      std::span<const std::size_t> free,
                      FitResult& result) {
    const dense::Spectrum spectrum = dense::spectrum_of(form.matrix);
    const dense::Vector& eigenvalues = spectrum.eigenvalues;
    const double largest = dense::largest_size(eigenvalues);
    dense::Vector weight(eigenvalues.size());
    for (std::size_t k = 0; k < eigenvalues.size(); ++k) {
        if (eigenvalues[k] > flat_curvature * largest) {
            weight[k] = 1.0 / eigenvalues[k];
        } else {
            result.flat_directions.push_back(named(spectrum.eigenvectors.column(k), free, result));
        }
    }
    result.condition_number = result.flat_directions.empty()
                                  ? largest / eigenvalues.front()
                                  : std::numeric_limits<double>::infinity();
    dense::Matrix sum = dense::matrix_of(spectrum.eigenvectors, weight);
    for (std::size_t k = 0; k < sum.rows(); ++k) {
        for (std::size_t l = 0; l < sum.columns(); ++l) {
            sum(k, l) = form.unit[k] * sum(k, l) * form.unit[l];
        }
    }
    return sum;
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
    const auto& free = minimum.curvature.free;
    result.covariance.assign(n, std::vector<double>(n));
    result.correlation.assign(n, std::vector<double>(n));
    if (free.empty()) return;

    const dense::Matrix v = inverse(correlation_form(minimum, space), free, result);
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            result.covariance[free[k]][free[l]] =
                v(k, l) * coordinates.gradient(free[k], minimum.u[free[k]]) *
                coordinates.gradient(free[l], minimum.u[free[l]]);
        }
    }
    fill_correlation(free, result);
}

}  // namespace ratiofarm
