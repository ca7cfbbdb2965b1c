#pragma once

#include <array>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

#include "spectra.hpp"

namespace ratiofarm {

/// A point of the parameters and how far each moves.
struct MovedPoint {
    std::vector<double> theta;
    std::vector<double> step;  ///< [n], 0: does not move
};

/// Value of a parameter of the model moved by its step, within its range. \param sign 1 or -1
double moved(const StatisticalModel& model, const MovedPoint& base, std::size_t a, double sign);

/// Start values, and the widths of the constraints.
MovedPoint before_fit(const StatisticalModel& model);

/// The minimum, and its errors.
MovedPoint after_fit(const StatisticalModel& model, const FitResult& fit);

/// \param parts [processes][bins]
std::vector<double> sum_of(const std::vector<std::vector<double>>& parts, std::size_t bins);

/// The totals with single parameters moved up and down; nothing where they do not act.
struct Moved {
    std::vector<std::vector<double>> up, down;  ///< [parameters][bins]
};

/// Fills totals, errors and variations of a spectrum, whose data and parts are there, from the
/// moved totals at both points. Errors as in spectra().
void finish_spectrum(const StatisticalModel& model,
                     const FitResult& fit,
                     const std::array<MovedPoint, 2>& bases,
                     const std::array<Moved, 2>& totals,
                     Spectrum& spectrum);

}  // namespace ratiofarm
