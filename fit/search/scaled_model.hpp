#pragma once

#include <span>
#include <vector>

#include "dense.hpp"
#include "newton.hpp"
#include "trust_region.hpp"

namespace ratiofarm {

/// Gradient, Hessian and box around a point over some components. Lengths are in units of each
/// component's range, so that a radius means something.
struct ScaledModel {
    /// \param free components of the model, in order
    ScaledModel(const SearchSpace& space,
                std::span<const double> u,
                const Evaluation& at,
                std::span<const std::size_t> free);

    /// Another [n, n] matrix of the same point, over the same components and in the same units.
    dense::Matrix scaled(std::span<const double> matrix) const;

    std::vector<std::size_t> free;
    dense::Vector range;
    dense::Vector gradient;
    dense::Matrix hessian;
    StepBox box;
};

}  // namespace ratiofarm
