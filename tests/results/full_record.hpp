#pragma once

#include "tests/report/sample_record.hpp"

namespace ratiofarm::test {

/// The sample with what a blind campaign, injections and members add.
inline FitRecord full_record() {
    FitRecord record = sample_record();
    record.fit.scan_parameter = "alpha";
    record.fit.parameters[2].interval_failed = true;
    record.fit.parameters[2].no_error = NoError::kink;
    record.fit.impacts[0].not_linear = true;
    record.fit.scan[1].below_floor = 2;
    record.fit.contours = {{"mu", "alpha", 2.25, {{1.5, 0.25, 2.25}, {0.5, -0.25, 1.0, false}}}};
    record.fit.guards.below_floor_on_profiles = 3;
    record.fit.impacts[0].refit_down = -0.3;
    record.fit.impacts[0].observable_down = -0.31;
    record.fit.impacts[0].observable_up = 0.33;
    record.finite_mc->members = EstimateSpread{{0, 1, 3}, {0.95, 1.0, 1.02}};
    record.finite_mc->members->newton_difference = 0.01;
    record.finite_mc->members->not_converged = 1;
    set_spread(*record.finite_mc->members);
    record.finite_mc->wifi->ratios = {{NetRatios::member, {{0.5, 0.5}}, {0.01}}};
    record.finite_mc->wifi->determined = {{1.5}};
    record.blinding =
        Blinding{"ffeeddccbbaa99887766554433221100",
                 Unblinding{"2026-11-22T12:00:00Z", "user@host",
                            "the \"closure\" is fine\nand so is the fit",
                            "ffeeddccbbaa99887766554433221100", "00112233445566778899aabbccddeeff",
                            "0123456789abcdef0123456789abcdef", "mu = 1.00 +- 0.31"}};
    record.injections = {{"mu = 2",
                          "Asimov data from the samples at mu = 2",
                          true,
                          {{"mu", 2.0, 1.9, 0.3, 0.3, {}, -1.0 / 3.0}, {"kappa", 1.0, 1.0, 0.0}}},
                         {"S2", "weighted events of sample S2 for mu = 1", false, {}}};
    record.made_from = {{"process.S.yield", "60.0"}, {"ratios.SR", "unknown"}};
    return record;
}

}  // namespace ratiofarm::test
