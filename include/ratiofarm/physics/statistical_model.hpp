#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/physics/binned_region.hpp"
#include "ratiofarm/physics/coefficient.hpp"
#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/physics/shape_norm.hpp"

namespace ratiofarm {

/// What an auxiliary measurement says about a nuisance parameter p. Its term in the NLL:
///     gaussian: (p - observed)^2 / (2 width^2)
///     poisson:  (p - observed ln p) / width^2, a count of observed / width^2 where p / width^2 is
///               expected; width is the relative uncertainty
struct Constraint {
    enum class Kind : std::uint8_t { none, gaussian, poisson };
    Kind kind = Kind::none;
    double observed = 0.0;  ///< global observable; thrown in each toy
    double width = 1.0;     ///< > 0
    bool operator==(const Constraint&) const = default;
};
template <>
inline constexpr auto enum_words<Constraint::Kind> = words("none", "gaussian", "poisson");

/// One component of theta: a parameter of interest or a nuisance parameter.
struct Parameter {
    std::string name;
    double start = 1.0;
    double low = 0.0;  ///< range, inclusive; low < high
    double high = 10.0;
    bool fixed = false;
    Constraint constraint{};
    std::string group{};  ///< of the breakdown of errors; empty: none
    bool operator==(const Parameter&) const = default;
};

/// What a nuisance parameter does to a process of an unbinned region.
struct SystematicEffect {
    std::string parameter;
    std::optional<Anchors> yield{};  ///< factors on the yield at alpha = +1 and -1; none: no effect
    bool shape = false;              ///< the events have per-event ratios g(x)
    Interpolation yield_code = Interpolation::code4;
    Interpolation shape_code = Interpolation::code4;
    bool operator==(const SystematicEffect&) const = default;
};

/// One process of the mixture lambda(x) = sum_j f_j(mu) nu_j G_j(alpha) p_j(x) g_j(x, alpha).
struct ProcessModel {
    std::string name;
    double yield = 0.0;  ///< nu_j, expected events at f_j = 1 in this region, > 0
    Coefficient coefficient{};
    std::vector<SystematicEffect> systematics{};
    bool operator==(const ProcessModel&) const = default;
};

/// Where the likelihood is built from per-event ratios.
struct UnbinnedRegion {
    std::string name = "SR";
    std::vector<ProcessModel> processes{};  ///< order of the columns of log r
    ShapeNorm shape_norm = ShapeNorm::reference;
    bool operator==(const UnbinnedRegion&) const = default;
};

/// Everything the likelihood knows besides the data.
struct StatisticalModel {
    std::vector<Parameter> parameters;  ///< order of theta
    std::vector<UnbinnedRegion> unbinned{};
    std::vector<BinnedRegion> binned{};
    std::string parameter_of_interest;
    bool operator==(const StatisticalModel&) const = default;
};

}  // namespace ratiofarm
