#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/fit/impacts.hpp"

namespace ratiofarm {

/// Why the Hessian gives no error of a free parameter inside its range.
enum class NoError : std::uint8_t {
    none,          ///< it gives one
    kink,          ///< the minimum is at the kink of an interpolation
    root,          ///< a coefficient has its root, which is less than one error from 0
    undetermined,  ///< the data do not determine it within its range
};
template <>
inline constexpr auto enum_words<NoError> = words("none", "kink", "root", "undetermined");

/// One parameter at the minimum, in external coordinates (mu, not sqrt(mu)).
struct FittedParameter {
    std::string name;
    double value = 0.0;
    double error = 0.0;  ///< sqrt of the diagonal of the inverse Hessian of the NLL; 0 if fixed, at
                         ///< a bound or as no_error says
    bool fixed = false;
    bool at_bound = false;  ///< the error then holds the free parameters only and is 0 here
    std::optional<double> error_low = {};   ///< value minus the lower end of t < 1, >= 0
    std::optional<double> error_high = {};  ///< upper end of t < 1 minus value, >= 0
    NoError no_error = NoError::none;
    bool interval_failed = false;  ///< an end is missing because a fit on the way did not converge
    std::optional<double> pull = {};  ///< (value - global observable) / width of its constraint
    std::optional<double> constraint = {};  ///< error / width: 1 where the data say nothing
    std::string group = {};
};

/// A local minimum that the search found from some start.
struct Minimum {
    std::vector<double> parameters;  ///< theta
    double nll = 0.0;
};

/// Anchors of g that were clipped when the events were loaded.
struct ClippedAnchorCount {
    std::string region;
    std::string process;
    std::uint64_t count = 0;
    /// Of the process, nominal or varied, whichever has more there; absent where no
    /// reference event is among them.
    std::optional<double> share = {};
};

/// Events that needed a policy, with counts: nothing is dropped silently.
struct GuardCounts {
    std::uint64_t events = 0;                   ///< in the likelihood
    std::uint64_t zero_weight = 0;              ///< no effect, skipped
    std::uint64_t non_positive_mixture = 0;     ///< D_i below its floor (Likelihood) at the minimum
    std::uint64_t below_floor_on_profiles = 0;  ///< the most at a point of an interval or a scan
    std::uint64_t clipped_factors = 0;          ///< g held above its floor at the minimum
    std::vector<ClippedAnchorCount> clipped_anchors = {};
};

/// Z_j(alpha) of one process of an unbinned region at the minimum.
struct FittedNormalisation {
    std::string region;
    std::string process;
    double z = 1.0;               ///< as the likelihood used it
    double z_of_reference = 1.0;  ///< the full sum over the reference events
};

/// A combination of parameters that the data do not determine.
struct FlatDirection {
    struct Part {
        std::string parameter;
        double share = 0.0;  ///< component of the unit vector, parameters in units of their ranges
    };
    std::vector<Part> leading;  ///< largest first
};

/// What a fit cost, in evaluations of the likelihood over all events.
struct PassCounts {
    std::uint64_t first_descent = 0;  ///< from the model's start to a minimum; ends with the
                                      ///< Hessian that gives the covariance
    std::uint64_t search = 0;         ///< for further minima
    std::uint64_t intervals = 0;      ///< for error_low and error_high
};

/// t = 2 (NLL at the point - NLL at the minimum), other parameters profiled.
struct ScanPoint {
    double poi = 0.0;  ///< value of the scanned parameter
    double t = 0.0;
    std::vector<double> parameters;  ///< theta at the profiled point
    bool converged = true;           ///< false: the other parameters did not settle
    bool interpolated = false;       ///< between computed neighbours, see ScanOptions
    std::uint64_t below_floor = 0;   ///< events whose mixture is below its floor at the point
};

/// Where t of two parameters, all others profiled, reaches a level.
struct Contour {
    struct Point {
        double x = 0.0;  ///< value of the first parameter
        double y = 0.0;  ///< of the second
        double t = 0.0;  ///< below the level where the range of a parameter ends the search
        bool converged = true;
    };
    std::string first;
    std::string second;
    double level = 0.0;              ///< of t
    std::vector<Point> points = {};  ///< once around the best point
};

struct FitResult {
    std::string poi;
    bool converged = false;
    bool at_rounding = false;  ///< converged where rounding of the NLL hides what edm promises
    double nll = 0.0;
    double edm = 0.0;          ///< g^T H^-1 g / 2 at the minimum
    std::uint64_t passes = 0;  ///< over the events, all together
    PassCounts pass_counts;
    std::vector<FittedParameter> parameters;
    std::vector<std::vector<double>> covariance;   ///< [n][n], zero rows where fixed
    std::vector<std::vector<double>> correlation;  ///< [n][n], likewise
    double condition_number = 1.0;  ///< of the Hessian with unit diagonal; infinite if singular
    std::vector<FlatDirection> flat_directions;
    std::vector<Impact> impacts;  ///< on the POI, in the order of theta
    ErrorBreakdown breakdown;
    std::vector<Minimum> minima;  ///< distinct ones, best first; equals in order of the starts
    GuardCounts guards;
    std::vector<FittedNormalisation> normalisations;
    std::vector<std::string> warnings;
    std::string scan_parameter;  ///< empty: the POI
    std::vector<ScanPoint> scan;
    std::vector<Contour> contours;  ///< that were asked for
};

/// theta at the minimum.
std::vector<double> best_values(const FitResult& fit);

/// Null if there is no parameter of this name.
const FittedParameter* find_fitted(const FitResult& fit, std::string_view parameter);

}  // namespace ratiofarm
