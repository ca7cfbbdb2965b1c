#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/physics/shape_norm.hpp"

namespace ratiofarm {

/// A [[systematic]]: what one nuisance parameter does to the processes of unbinned regions.
struct SystematicSection {
    /// g(x) of a process. The samples are for training nets; empty where a ratio file has g.
    struct Shape {
        std::string process;
        std::string up;
        std::string down;
        bool operator==(const Shape&) const = default;
    };
    struct Yield {
        std::string process;
        Anchors factors;
        bool operator==(const Yield&) const = default;
    };

    std::string name;
    std::string parameter;                     ///< default: "alpha_<name>"
    std::optional<std::vector<Shape>> shapes;  ///< none: of all processes the ratio file has g of
    std::optional<std::vector<Yield>> yields;  ///< none: those of the ratio file, if it has any
    Interpolation shape_code = Interpolation::code4;
    Interpolation yield_code = Interpolation::code4;
    bool operator==(const SystematicSection&) const = default;
};

/// A [[region]] with type = "unbinned". A campaign with processes and without any has one.
struct UnbinnedRegionSection {
    std::string name = "SR";
    std::string ratios;  ///< ratio file, relative to the campaign; empty: that of the run directory
    std::vector<std::pair<std::string, double>> yields;  ///< default: those of the ratio file
    std::optional<ShapeNorm> shape_norm;                 ///< default: that of [inference]
    bool operator==(const UnbinnedRegionSection&) const = default;
};

}  // namespace ratiofarm
