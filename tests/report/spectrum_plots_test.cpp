#include "report/spectrum_plots.hpp"

#include <algorithm>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// Two bins of a signal, that may interfere, over a background.
Spectrum two_bins(double signal) {
    Spectrum spectrum{.region = "SR", .observable = "x", .edges = {0.0, 1.0, 2.0}};
    spectrum.processes = {"S", "B"};
    spectrum.data = {90.0, 60.0};
    spectrum.before.parts = {{signal, 2.0}, {100.0, 50.0}};
    spectrum.before.total = {100.0 + signal, 52.0};
    spectrum.before.error = {1.0, 1.0};
    spectrum.after = spectrum.before;
    return spectrum;
}

}  // namespace

TEST_CASE("processes that are negative are within the frame", "[report]") {
    const Panel interfering = spectrum_plot(two_bins(-8.0), "x").panels[0];

    CHECK(interfering.y.low.value() < -8.0);
    CHECK(interfering.levels == std::vector<double>{0.0});
    CHECK(interfering.curves[0].mark == Mark::line);

    const Panel stacked = spectrum_plot(two_bins(8.0), "x").panels[0];
    CHECK(stacked.y.low.value() == 0.0);
    CHECK(stacked.levels.empty());
}
