#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/limits.hpp"
#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/protocol/shape_significance.hpp"

#include "campaign/made_from.hpp"

#include "finite_mc_record.hpp"
#include "unblinding.hpp"

namespace ratiofarm {

/// Another fit of the same events by the same likelihood code, shown beside the main one: with
/// exact ratios, or with the ratios of a histogram.
struct ComparisonFit {
    std::string label;  ///< "exact ratios", "histogram of mass"
    FitResult fit;
};

/// One parameter of a fit to a known truth.
struct InjectedParameter {
    std::string name;
    double injected = 0.0;
    double value = 0.0;
    double error = 0.0;  ///< from the Hessian
    std::optional<double> error_low = {};
    std::optional<double> error_high = {};
    std::optional<double> pull = {};  ///< (value - injected) / error, where there is an error
};

/// The fit of one of [data].injections.
struct InjectionFit {
    std::string name;
    std::string data;  ///< what was fitted, in words
    bool converged = false;
    std::vector<InjectedParameter> parameters;  ///< the parameter of interest and those injected
    double sampling_spread = 0.0;  ///< of Asimov data of samples, in errors; fit.json lacks it
};

/// What the fit did with the learned shapes of systematics.
struct ShapeRecord {
    struct Shape {
        std::string process;
        std::string parameter;
        ShapeSignificance significance;
        double information = 0.0;  ///< that noise by itself adds about the parameter: expected
                                   ///< events of the process at the minimum times noise_variance
        bool left_out = false;     ///< only the yields vary
        /// What held-out events gain by the shape if it is right, over what they do gain: less than
        /// 1 where the nets learned too little of it, more where they learned too much. NaN if
        /// unknown; not in fit.json.
        double size = std::numeric_limits<double>::quiet_NaN();
    };
    /// A parameter some of whose shapes were left out.
    struct Untreated {
        std::string parameter;
        double error = 0.0;           ///< of this fit
        double untreated = 0.0;       ///< with those shapes, by a fit of the same data
        double error_by_noise = 0.0;  ///< from its constraint and only the noise of those shapes
        double shift = 0.0;        ///< of the poi, by those shapes at one width of its constraint
        double shift_noise = 0.0;  ///< estimate of the noise in it
    };
    /// A parameter with learned shapes in the likelihood.
    struct Noise {
        std::string parameter;
        double shift = 0.0;  ///< of the poi, by the noise of the nets: one standard deviation
    };
    std::vector<Shape> shapes;         ///< those that were tested
    std::vector<Untreated> untreated;  ///< in the order of theta
    std::vector<Noise> noises;         ///< where halves of the nets tell it, in the order of theta
    /// Part of the error of the poi, for what shapes that were left out could do to it; none if
    /// none were, or nothing holds it.
    std::optional<double> left_out_error = {};
    std::optional<double> noise_error = {};  ///< part for all noises; none if there are none
    double error_without = 0.0;              ///< of the poi, without these two parts

    double held_error() const;  ///< both in quadrature
};

/// By how much the finite number of simulated events moves the estimate of the parameter of
/// interest, to first order: one standard deviation, in its units. No error of the fit holds it.
struct SimulationNoise {
    std::optional<double> training;  ///< of nets that follow the events that train them
    std::optional<double> asimov;    ///< of Asimov data, by the events of the samples they are

    double total() const { return std::hypot(training.value_or(0.0), asimov.value_or(0.0)); }
};

/// What was fitted, in numbers.
struct ModelSummary {
    struct Region {
        std::string name;
        std::string kind;                    ///< "unbinned" or "binned"
        std::vector<std::string> processes;  ///< samples of a binned region
        std::size_t bins = 0;                ///< of a binned region
        std::string shape_norm;              ///< of an unbinned region
        std::size_t yield_effects = 0;       ///< (process, parameter) pairs
        std::size_t shape_effects = 0;
    };
    std::vector<Region> regions;
    std::size_t parameters = 0;
    std::size_t free = 0;         ///< not fixed
    std::size_t constrained = 0;  ///< not fixed, with a constraint
};

ModelSummary summary_of(const StatisticalModel& model);

/// Tests of the parameter of interest, made after the fit.
struct LimitRecord {
    UpperLimits limits;
    DiscoveryTest discovery;
    std::optional<double> expected_at = {};  ///< mu of the expected significance
    std::string asimov;                      ///< what the expected numbers come from, in words
    std::vector<std::string> warnings = {};
};

/// The weights of events that a fit used, as the ratio file has them.
struct UsedSample {
    std::string region;
    std::string sample;
    std::uint64_t events = 0;
    std::uint64_t negative = 0;     ///< with weight < 0
    double effective_events = 0.0;  ///< (sum w)^2 / sum w^2
    bool operator==(const UsedSample&) const = default;
};

/// What `fit.json` holds. No time, host or rank count: identical results are identical bytes.
struct FitRecord {
    std::string campaign;  ///< name
    std::string inputs;    ///< digest of everything the fit is made from, hexadecimal
    std::string data;      ///< what was fitted: "Asimov data from the samples at mu = 1"
    FitResult fit;
    std::vector<ComparisonFit> comparisons;
    ModelSummary model = {};
    unsigned starts = 4;  ///< FitOptions::starts
    std::optional<LimitRecord> limits = {};
    std::vector<UsedSample> samples = {};
    ShapeRecord shapes = {};
    std::optional<Blinding> blinding = {};  ///< of a campaign with [data].blind
    std::vector<InjectionFit> injections = {};
    std::optional<SimulationNoise> simulation = {};
    std::optional<FiniteMcRecord> finite_mc = {};
    MadeFrom made_from = {};               ///< without the options of the command line
    std::vector<std::string> doubts = {};  ///< those of the warnings that another minimum keeps
};

/// Whether no observed data were fitted.
bool is_of_asimov(const FitRecord& record);

/// What t of the parameter of interest is divided by: one plus the variance that the likelihood
/// does not have over that which it has, of shapes left out and of finite simulation.
double inflation_of(const FitRecord& record);

/// What did not converge, one line each: the fit, an interval, points of the scan, an injection.
std::vector<std::string> not_converged(const FitRecord& record);

/// Doubts about the fit, its uncertainty from finite simulation and its limits.
std::vector<std::string> warnings_of(const FitRecord& record);

/// First value of the file; a reader refuses another one.
inline constexpr std::string_view fit_json_schema = "ratiofarm.fit/2";

/// JSON text with the keys of docs/formats.md. Numbers have the fewest digits that read back to the
/// same bits; a number that is not finite is null.
std::string fit_json(const FitRecord& record);

/// \throws DataError naming the key that is missing or of the wrong type, or the unknown schema
FitRecord parse_fit_json(std::string_view text);

}  // namespace ratiofarm
