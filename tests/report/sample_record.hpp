#pragma once

#include "ratiofarm/report/fit_json.hpp"

namespace ratiofarm::test {

/// A fit with every field in use and numbers that need all their digits.
inline FitRecord sample_record() {
    FitRecord record{.campaign = "interference",
                     .inputs = "00112233445566778899aabbccddeeff",
                     .data = "Asimov data from the samples at mu = 1",
                     .fit = {},
                     .comparisons = {}};
    FitResult& fit = record.fit;
    fit.poi = "mu";
    fit.converged = true;
    fit.nll = -1234.5678901234567;
    fit.edm = 1.0 / 3.0 * 1e-12;
    fit.passes = 17;
    fit.parameters = {{.name = "mu",
                       .value = 1.0 + 0.1 / 3.0,
                       .error = 0.47758501529999997,
                       .error_low = 0.37474119,
                       .error_high = 0.58052347},
                      {.name = "kappa",
                       .value = 2.0,
                       .error = 0.0,
                       .fixed = true,
                       .error_low = {},
                       .error_high = {}}};
    fit.covariance = {{0.22808744683928572, 0.0}, {0.0, 0.0}};
    fit.correlation = {{1.0, 0.0}, {0.0, 0.0}};
    fit.minima = {{{1.0 + 0.1 / 3.0, 2.0}, fit.nll}, {{3.6446, 2.0}, fit.nll + 0.25}};
    fit.guards = {.events = 720000, .zero_weight = 3, .non_positive_mixture = 2};
    fit.warnings = {"two minima are nearly degenerate"};
    fit.scan = {{0.0, 59.697255699999998, {0.0, 2.0}, true}, {2.0, 2.70881117, {2.0, 2.0}, false}};
    record.comparisons = {{"exact ratios", fit}};
    record.comparisons[0].fit.parameters[0].error = 0.47;
    return record;
}

}  // namespace ratiofarm::test
