#include "binned_sample.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Stands for a factor that is exactly zero, so that derivatives can be written as ratios: the
/// product with what is left is right to rounding.
constexpr double tiny = 1e-150;

void check_numbers(const std::vector<double>& values, std::size_t n_bins, const std::string& what) {
    if (values.size() != n_bins) {
        throw ConfigError(what + ": " + std::to_string(values.size()) + " numbers for " +
                          std::to_string(n_bins) + " bins (must be one each)");
    }
    for (std::size_t b = 0; b < n_bins; ++b) {
        if (std::isfinite(values[b])) continue;
        throw ConfigError(what + ": bin " + std::to_string(b) + " is not a finite number");
    }
}

/// A parameter that is evaluated in u itself.
std::size_t plain_parameter(const StatisticalModel& model,
                            const InternalCoordinates& coordinates,
                            const std::string& name) {
    const std::size_t a = parameter_index(model, name);
    if (coordinates.is_root(a)) {
        throw ConfigError("parameter '" + name +
                          "' is under a root in a coefficient, so no systematic effect and no "
                          "factor of a bin can use it");
    }
    return a;
}

Interpolated product(const Interpolated& f, const Interpolated& g) {
    return {f.value * g.value, f.gradient * g.value + f.value * g.gradient,
            f.curvature * g.value + 2.0 * f.gradient * g.gradient + f.value * g.curvature};
}

}  // namespace

double product_without(std::span<const std::size_t> factors,
                       std::span<const double> u,
                       std::size_t skip,
                       std::size_t skip_too) {
    double result = 1.0;
    for (std::size_t i = 0; i < factors.size(); ++i) {
        if (i != skip && i != skip_too) result *= u[factors[i]];
    }
    return result;
}

CompiledSample::CompiledSample(const BinnedSample& sample,
                               const StatisticalModel& model,
                               const InternalCoordinates& coordinates)
    : coefficient_(sample.coefficient, model, coordinates),
      contents_(sample.contents),
      factors_(sample.contents.size()) {
    check_numbers(contents_, contents_.size(), "contents");
    add_yields(sample, model, coordinates);
    add_shapes(sample, model, coordinates);
    add_factors(sample, model, coordinates);
}

void CompiledSample::add_yields(const BinnedSample& sample,
                                const StatisticalModel& model,
                                const InternalCoordinates& coordinates) {
    rate_parameters_ = coefficient_.parameters();
    std::vector<std::size_t> positions;
    for (const BinnedYieldEffect& effect : sample.yields) {
        const auto [up, down] = effect.anchors;
        const bool positive = up > 0.0 && down > 0.0;
        if (!std::isfinite(up) || !std::isfinite(down) ||
            (!is_additive(effect.code) && !positive)) {
            throw ConfigError("yield effect of '" + effect.parameter +
                              "': up = " + std::to_string(up) + ", down = " + std::to_string(down) +
                              " (factors, must be > 0)");
        }
        positions.push_back(plain_parameter(model, coordinates, effect.parameter));
        rate_parameters_.push_back(positions.back());
    }
    std::sort(rate_parameters_.begin(), rate_parameters_.end());
    rate_parameters_.erase(std::unique(rate_parameters_.begin(), rate_parameters_.end()),
                           rate_parameters_.end());
    const auto place = [&](std::size_t a) {
        const auto at = std::lower_bound(rate_parameters_.begin(), rate_parameters_.end(), a);
        return static_cast<std::size_t>(at - rate_parameters_.begin());
    };
    for (const std::size_t a : coefficient_.parameters()) coefficient_places_.push_back(place(a));
    for (std::size_t i = 0; i < positions.size(); ++i) {
        yields_.push_back({place(positions[i]), sample.yields[i].anchors, sample.yields[i].code});
    }
}

void CompiledSample::add_shapes(const BinnedSample& sample,
                                const StatisticalModel& model,
                                const InternalCoordinates& coordinates) {
    for (const BinnedShapeEffect& effect : sample.shapes) {
        const std::string what = "shape effect of '" + effect.parameter + "'";
        check_numbers(effect.up, n_bins(), what + ", up");
        check_numbers(effect.down, n_bins(), what + ", down");
        if (!is_additive(effect.code)) {
            throw ConfigError(what + ": must be interpolated by code0, code2 or code4p");
        }
        shape_parameters_.push_back(plain_parameter(model, coordinates, effect.parameter));
        Shape shape{effect.code, effect.up, effect.down};
        for (std::size_t b = 0; b < n_bins(); ++b) {
            shape.up[b] -= contents_[b];
            shape.down[b] -= contents_[b];
        }
        shapes_.push_back(std::move(shape));
    }
}

void CompiledSample::add_factors(const BinnedSample& sample,
                                 const StatisticalModel& model,
                                 const InternalCoordinates& coordinates) {
    for (const BinFactors& effect : sample.factors) {
        if (effect.parameters.size() != n_bins()) {
            throw ConfigError("factors: " + std::to_string(effect.parameters.size()) +
                              " parameters for " + std::to_string(n_bins()) +
                              " bins (must be one each, empty for none)");
        }
        for (std::size_t b = 0; b < n_bins(); ++b) {
            const std::string& name = effect.parameters[b];
            if (name.empty()) continue;
            factors_[b].push_back(plain_parameter(model, coordinates, name));
        }
    }
}

/// prod G, and of each rate parameter's effects the derivatives relative to their value.
CompiledSample::YieldProduct CompiledSample::yield_product(std::span<const double> u) const {
    YieldProduct result{1.0, std::vector<Interpolated>(rate_parameters_.size())};
    for (const Yield& yield : yields_) {
        const double alpha = u[rate_parameters_[yield.rate_parameter]];
        Interpolated& all = result.effects[yield.rate_parameter];
        all = product(all, interpolate(yield.code, yield.anchors, alpha));
    }
    for (Interpolated& effect : result.effects) {
        if (effect.value == 0.0) effect.value = tiny;
        result.value *= effect.value;
        effect.gradient /= effect.value;
        effect.curvature /= effect.value;
    }
    return result;
}

SampleRate CompiledSample::rate(std::span<const double> u) const {
    const std::size_t r = rate_parameters_.size();
    const auto [total, g] = yield_product(u);
    // f(mu) spread out over the rate parameters.
    const auto f = coefficient_.at(u);
    SampleRate result{f.value * total, std::vector<double>(r), std::vector<double>(r * r)};
    std::vector<double> gradient(r);
    const std::size_t n = coefficient_places_.size();
    for (std::size_t k = 0; k < n; ++k) {
        gradient[coefficient_places_[k]] = f.gradient[k];
        for (std::size_t l = 0; l < n; ++l) {
            result.hessian[coefficient_places_[k] * r + coefficient_places_[l]] =
                f.hessian[k * n + l];
        }
    }
    for (std::size_t a = 0; a < r; ++a) {
        result.gradient[a] = total * (gradient[a] + f.value * g[a].gradient);
        for (std::size_t b = 0; b < r; ++b) {
            const double curvature = a == b ? g[a].curvature : g[a].gradient * g[b].gradient;
            double& h = result.hessian[a * r + b];
            h = total * (h + gradient[a] * g[b].gradient + gradient[b] * g[a].gradient +
                         f.value * curvature);
        }
    }
    return result;
}

void CompiledSample::set_contents(std::span<const double> u, SampleAt& to) const {
    const std::size_t n = n_bins();
    const std::size_t k_all = shapes_.size();
    to.content = contents_;
    to.content_gradient.resize(n * k_all);
    to.content_curvature.resize(n * k_all);
    for (std::size_t k = 0; k < k_all; ++k) {
        // A shift is linear in its two anchors.
        const Shape& shape = shapes_[k];
        const double alpha = u[shape_parameters_[k]];
        const Interpolated up = interpolate_shift(shape.code, 1.0, 0.0, alpha);
        const Interpolated down = interpolate_shift(shape.code, 0.0, 1.0, alpha);
        for (std::size_t b = 0; b < n; ++b) {
            to.content[b] += up.value * shape.up[b] + down.value * shape.down[b];
            to.content_gradient[b * k_all + k] =
                up.gradient * shape.up[b] + down.gradient * shape.down[b];
            to.content_curvature[b * k_all + k] =
                up.curvature * shape.up[b] + down.curvature * shape.down[b];
        }
    }
}

SampleAt CompiledSample::at(std::span<const double> u) const {
    SampleAt result;
    result.rate = rate(u);
    set_contents(u, result);
    for (const auto& factors : factors_) {
        result.factor.push_back(product_without(factors, u, factors.size(), factors.size()));
    }
    return result;
}

}  // namespace ratiofarm
