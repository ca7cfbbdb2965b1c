#pragma once

#include "results/fit_json.hpp"

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
    fit.covariance = {
        {0.22808744683928572, 0.0, -0.2}, {0.0, 0.0, 0.0}, {-0.2, 0.0, 0.6049382716049383}};
    fit.correlation = {{1.0, 0.0, -0.54}, {0.0, 0.0, 0.0}, {-0.54, 0.0, 1.0}};
    fit.minima = {{{1.0 + 0.1 / 3.0, 2.0, 0.1}, fit.nll}, {{3.6446, 2.0, 0.1}, fit.nll + 0.25}};
    fit.guards = {.events = 720000, .zero_weight = 3, .non_positive_mixture = 2};
    fit.warnings = {"two minima are nearly degenerate"};
    fit.scan = {{0.0, 59.697255699999998, {0.0, 2.0, 0.1}, true},
                {2.0, 2.70881117, {2.0, 2.0, 0.1}, false}};
    fit.at_rounding = true;
    fit.pass_counts = {.first_descent = 6, .search = 4, .intervals = 7};
    fit.condition_number = 12.000000000000007;
    fit.parameters.push_back({.name = "alpha",
                              .value = 0.1,
                              .error = 0.7 / 0.9,
                              .pull = 0.1,
                              .constraint = 0.7 / 0.9,
                              .group = "theory"});
    fit.impacts = {{.parameter = "alpha",
                    .others_fixed = 0.1 / 0.3,
                    .refit_shift = -0.2 / 0.3,
                    .global_observable = 0.31,
                    .refit_up = 0.32}};
    fit.breakdown = {.total = 0.48,
                     .systematic = 0.31,
                     .statistical = 0.36,
                     .statistical_frozen = 0.35,
                     .groups = {{"theory", 0.31, 0.3}}};
    fit.flat_directions = {{{{"kappa", 0.8}, {"alpha", -0.6}}}};
    fit.normalisations = {{"SR", "S", 1.0 + 1e-9, 1.0 + 3e-9}};
    fit.guards.clipped_factors = 5;
    fit.guards.clipped_anchors = {{"SR", "S", 7}};
    fit.scan[1].interpolated = true;
    record.model.parameters = 3;
    record.model.free = 2;
    record.model.constrained = 1;
    record.model.regions = {{"SR", "unbinned", {"S", "B"}, 0, "reference", 2, 1},
                            {"CR", "binned", {"B"}, 3, "", 1, 0}};
    record.starts = 6;
    record.samples = {{"SR", "S", 6000, 2700, 60.5}};
    record.limits = LimitRecord{
        .limits =
            {.level = 0.9,
             .statistic = TestStatistic::q,
             .observed = 2.0 / 3.0,
             .expected = {0.1, 0.2, 0.3, 0.4, std::nullopt},
             .scan = {{0.5, 1.0 / 3.0, 2.0 / 3.0, {0.1, 0.5, 0.2}, {0.1, 0.2, 0.3, 0.4, 0.5}}}},
        .discovery = {.q0 = 1.5,
                      .p_value = 0.11,
                      .significance = 1.2,
                      .expected_significance = 2.0},
        .expected_at = 1.0,
        .asimov = "the model"};
    record.shapes.shapes = {{"B",
                             "alpha",
                             {.gain = 1.0 / 3.0e4,
                              .gain_error = 2.0 / 3.0e4,
                              .noise_variance = 1e-3 / 3.0,
                              .significant = false},
                             0.7 / 3.0,
                             true}};
    record.shapes.untreated = {{"alpha", 0.9995, 0.7213, 0.9}};
    record.finite_mc = FiniteMcRecord{.method = FiniteMcMethod::replicas,
                                      .use = FiniteMcUse::nuisance,
                                      .sigma = 0.1,
                                      .fit_value = 1.0 / 3.0,
                                      .fit_error = 0.4,
                                      .total_error = 0.41,
                                      .inflation = 1.1,
                                      .direction_sigma = 0.07,
                                      .replicas = EstimateSpread{{0, 2}, {0.9, 1.1}},
                                      .wifi = WeightedMembersFit{.sigma = 0.2,
                                                                 .estimate = 1.01,
                                                                 .error = 0.39,
                                                                 .ratios = {},
                                                                 .determined = {},
                                                                 .converged = false},
                                      .direction = {{NetRatios::replica, {{0.5, -0.5}}, {0.1}}},
                                      .warnings = {"2 replicas"}};
    set_spread(*record.finite_mc->replicas);
    record.comparisons = {{"exact ratios", fit}};
    record.comparisons[0].fit.parameters[0].error = 0.47;
    return record;
}

}  // namespace ratiofarm::test
