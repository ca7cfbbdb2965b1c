#include "spectrum_errors.hpp"

#include <algorithm>
#include <cmath>

namespace ratiofarm {
namespace {

/// Half the change of the total between the two sides of each parameter, for a whole step.
using BinShifts = std::vector<std::vector<double>>;  // [parameters][bins]

std::vector<double> error_before(const BinShifts& shifts, std::size_t bins) {
    std::vector<double> error(bins, 0.0);
    for (const auto& shift : shifts) {
        for (std::size_t b = 0; b < shift.size(); ++b) error[b] += shift[b] * shift[b];
    }
    for (double& value : error) value = std::sqrt(value);
    return error;
}

/// \param shifts in the order of the model, whose names the fit may have in another order
std::vector<double> error_after(const StatisticalModel& model,
                                const FitResult& fit,
                                const BinShifts& shifts,
                                std::size_t bins) {
    std::vector<std::size_t> place;
    for (const Parameter& parameter : model.parameters) {
        const auto found =
            std::ranges::find(fit.parameters, parameter.name, &FittedParameter::name);
        place.push_back(static_cast<std::size_t>(found - fit.parameters.begin()));
    }
    std::vector<double> error(bins, 0.0);
    for (std::size_t a = 0; a < shifts.size(); ++a) {
        for (std::size_t c = 0; c < shifts.size(); ++c) {
            if (shifts[a].empty() || shifts[c].empty()) continue;
            const double rho = a == c ? 1.0 : fit.correlation[place[a]][place[c]];
            for (std::size_t b = 0; b < bins; ++b) error[b] += shifts[a][b] * rho * shifts[c][b];
        }
    }
    for (double& value : error) value = std::sqrt(std::max(value, 0.0));
    return error;
}

BinShifts shifts_of(const StatisticalModel& model,
                    const MovedPoint& base,
                    const Moved& moved_totals) {
    BinShifts shifts(model.parameters.size());
    for (std::size_t a = 0; a < shifts.size(); ++a) {
        if (moved_totals.up[a].empty()) continue;
        const double way = moved(model, base, a, 1.0) - moved(model, base, a, -1.0);
        if (!(way > 0.0)) continue;
        for (std::size_t b = 0; b < moved_totals.up[a].size(); ++b) {
            shifts[a].push_back((moved_totals.up[a][b] - moved_totals.down[a][b]) * base.step[a] /
                                way);
        }
    }
    return shifts;
}

}  // namespace

double moved(const StatisticalModel& model, const MovedPoint& base, std::size_t a, double sign) {
    const Parameter& parameter = model.parameters[a];
    return std::clamp(base.theta[a] + sign * base.step[a], parameter.low, parameter.high);
}

MovedPoint before_fit(const StatisticalModel& model) {
    MovedPoint base;
    for (const Parameter& parameter : model.parameters) {
        base.theta.push_back(parameter.start);
        base.step.push_back(
            parameter.fixed ? 0.0 : constraint_width(parameter, parameter.start).value_or(0.0));
    }
    return base;
}

MovedPoint after_fit(const StatisticalModel& model, const FitResult& fit) {
    MovedPoint base;
    for (const Parameter& parameter : model.parameters) {
        const FittedParameter* fitted = find_fitted(fit, parameter.name);
        base.theta.push_back(fitted == nullptr ? parameter.start : fitted->value);
        base.step.push_back(fitted == nullptr ? 0.0 : fitted->error);
    }
    return base;
}

std::vector<double> sum_of(const std::vector<std::vector<double>>& parts, std::size_t bins) {
    std::vector<double> total(bins, 0.0);
    for (const auto& part : parts) {
        for (std::size_t b = 0; b < bins; ++b) total[b] += part[b];
    }
    return total;
}

void finish_spectrum(const StatisticalModel& model,
                     const FitResult& fit,
                     const std::array<MovedPoint, 2>& bases,
                     const std::array<Moved, 2>& totals,
                     Spectrum& spectrum) {
    const std::size_t bins = spectrum.data.size();
    spectrum.before.total = sum_of(spectrum.before.parts, bins);
    spectrum.after.total = sum_of(spectrum.after.parts, bins);
    spectrum.before.error = error_before(shifts_of(model, bases[0], totals[0]), bins);
    spectrum.after.error = error_after(model, fit, shifts_of(model, bases[1], totals[1]), bins);
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        if (totals[0].up[a].empty()) continue;
        spectrum.variations.push_back(
            {model.parameters[a].name, totals[0].up[a], totals[0].down[a]});
    }
}

}  // namespace ratiofarm
