#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ratiofarm/physics/binned_region.hpp"
#include "ratiofarm/physics/internal_coefficient.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// P = f(mu) prod G(alpha) of a sample over its R rate parameters.
struct SampleRate {
    double value = 0.0;
    std::vector<double> gradient;  ///< [R]
    std::vector<double> hessian;   ///< [R, R]
};

/// A sample at one point: nu_b = P Gamma_b M_b with Gamma_b = prod gamma and
/// M_b = nominal_b + sum Delta_b. B bins, K shape effects.
struct SampleAt {
    SampleRate rate;
    std::vector<double> factor;             ///< [B], Gamma_b
    std::vector<double> content;            ///< [B], M_b
    std::vector<double> content_gradient;   ///< [B, K], dM_b / d alpha_k
    std::vector<double> content_curvature;  ///< [B, K], d2M_b / d alpha_k^2; mixed ones are zero
};

/// One sample of a binned region, compiled for evaluation: names resolved to positions in theta.
class CompiledSample {
public:
    /// \throws ConfigError naming the parameter or bin if something does not fit together
    CompiledSample(const BinnedSample& sample,
                   const StatisticalModel& model,
                   const InternalCoordinates& coordinates);

    std::size_t n_bins() const { return contents_.size(); }

    /// [R], positions in theta of what the rate depends on, ascending.
    const std::vector<std::size_t>& rate_parameters() const { return rate_parameters_; }

    /// [K], position in theta of each shape effect; one may come twice.
    const std::vector<std::size_t>& shape_parameters() const { return shape_parameters_; }

    /// Positions in theta of the factors of one bin; one may come twice.
    const std::vector<std::size_t>& factors(std::size_t bin) const { return factors_[bin]; }

    /// \param u internal coordinates of the model
    SampleAt at(std::span<const double> u) const;

private:
    struct Yield {
        std::size_t rate_parameter;  ///< position in rate_parameters_
        Anchors anchors;
        Interpolation code;
    };
    struct Shape {
        Interpolation code;
        std::vector<double> up;    ///< [B], I+ - I0
        std::vector<double> down;  ///< [B], I- - I0
    };
    void add_yields(const BinnedSample& sample,
                    const StatisticalModel& model,
                    const InternalCoordinates& coordinates);
    void add_shapes(const BinnedSample& sample,
                    const StatisticalModel& model,
                    const InternalCoordinates& coordinates);
    void add_factors(const BinnedSample& sample,
                     const StatisticalModel& model,
                     const InternalCoordinates& coordinates);
    struct YieldProduct {
        double value;
        std::vector<Interpolated> effects;  ///< [R], gradient and curvature relative to the value
    };
    YieldProduct yield_product(std::span<const double> u) const;
    SampleRate rate(std::span<const double> u) const;
    void set_contents(std::span<const double> u, SampleAt& to) const;

    InternalCoefficient coefficient_;
    std::vector<double> contents_;
    std::vector<std::size_t> rate_parameters_;
    std::vector<std::size_t> coefficient_places_;  ///< in rate_parameters_, of coefficient_'s
    std::vector<Yield> yields_;
    std::vector<std::size_t> shape_parameters_;
    std::vector<Shape> shapes_;
    std::vector<std::vector<std::size_t>> factors_;  ///< [B]
};

/// Product of some factors of a bin without those at two positions of the list.
double product_without(std::span<const std::size_t> factors,
                       std::span<const double> u,
                       std::size_t skip,
                       std::size_t skip_too);

}  // namespace ratiofarm
