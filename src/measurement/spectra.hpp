#pragma once

#include <string>
#include <vector>

#include "results/fit_json.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// Expected events in the bins of a spectrum at one point of the parameters.
struct Expectation {
    std::vector<std::vector<double>> parts = {};  ///< [processes][bins], signed
    std::vector<double> total = {};               ///< [bins]
    std::vector<double> error = {};               ///< [bins], of the total; see spectra()
};

/// What is expected and what is fitted in bins of one observable of a region.
struct Spectrum {
    std::string region;
    std::string observable;  ///< a feature, "d ln D / d mu", or that of a binned region
    /// [bins + 1], or empty: the bins have numbers. The outermost bins of an unbinned region also
    /// hold what lies beyond them.
    std::vector<double> edges = {};
    std::vector<std::string> processes = {};  ///< or samples of a binned region
    std::vector<double> data = {};            ///< [bins]
    bool observed = false;                    ///< whether data are observed, or Asimov data
    Expectation before = {};                  ///< at the start values
    Expectation after = {};                   ///< at the minimum
    /// The total with one constrained parameter moved from its start by its width.
    struct Variation {
        std::string parameter;
        std::vector<double> up, down;  ///< [bins]
    };
    std::vector<Variation> variations = {};  ///< of those that act on the region
};

/// Every binned region, and every unbinned region in its features and in the optimal observable
/// d ln D / d poi at the start values. An unbinned region expects the events of the reference,
/// weighted with its fitted mixture; each process is normalised to its rate.
///
/// Errors are from shifts of single parameters by one standard deviation, which covers kinks and
/// ranges: half the difference of up and down, d_a. Before the fit the root of sum_a d_a^2 over the
/// constrained parameters; after it of sum_ab d_a rho_ab d_b with the correlations of the fit.
/// Events by no more than a quarter of a million tell what a shift does to the shape of a process,
/// relative to its nominal shape; all events tell the nominal one.
/// \throws DataError if an unbinned region has no reference, or a file is damaged
std::vector<Spectrum> spectra(const FitSource& source, const FitResult& fit);

}  // namespace ratiofarm
