#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ratiofarm/physics/coefficient.hpp"
#include "ratiofarm/physics/interpolation.hpp"

namespace ratiofarm {

/// A factor on all bins of a sample (HistFactory's normsys).
struct BinnedYieldEffect {
    std::string parameter;
    Anchors anchors;
    Interpolation code = Interpolation::code4;
    bool operator==(const BinnedYieldEffect&) const = default;
};

/// An additive change of the bins (histosys), interpolated bin by bin.
struct BinnedShapeEffect {
    std::string parameter;
    std::vector<double> up;    ///< [bins], contents at alpha = +1
    std::vector<double> down;  ///< [bins], contents at alpha = -1
    Interpolation code = Interpolation::code4p;
    bool operator==(const BinnedShapeEffect&) const = default;
};

/// One free factor per bin (shapesys, staterror, shapefactor): what constrains the factors is said
/// by the parameters.
struct BinFactors {
    std::vector<std::string> parameters;  ///< [bins]; an empty name leaves the bin unchanged
    bool operator==(const BinFactors&) const = default;
};

/// One sample: content_b = f(mu) prod_yield G prod_bin gamma_b (nominal_b + sum_shape Delta_b).
struct BinnedSample {
    std::string name;
    std::vector<double> contents = {};  ///< [bins], nominal
    Coefficient coefficient = {};       ///< f(mu); normfactor and lumi are parameters in it
    std::vector<BinnedYieldEffect> yields = {};
    std::vector<BinnedShapeEffect> shapes = {};
    std::vector<BinFactors> factors = {};
    bool operator==(const BinnedSample&) const = default;
};

/// A binned Poisson likelihood, nu_b - n_b ln nu_b summed over bins.
struct BinnedRegion {
    std::string name;
    std::vector<BinnedSample> samples;  ///< at least one; all have the same number of bins
    std::size_t n_bins() const { return samples.empty() ? 0 : samples.front().contents.size(); }
    bool operator==(const BinnedRegion&) const = default;
};

}  // namespace ratiofarm
