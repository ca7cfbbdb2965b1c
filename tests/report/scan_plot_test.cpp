#include "report/scan_plot.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A parabola around 1. \param from, to  ends of the scan
FitRecord parabola(double width, double from, double to) {
    constexpr int steps = 40;
    FitRecord record;
    record.fit.poi = "mu";
    for (int i = 0; i <= steps; ++i) {
        const double mu = from + (to - from) * i / steps;
        record.fit.scan.push_back({.poi = mu,
                                   .t = std::pow((mu - 1.0) / width, 2),
                                   .parameters = {mu},
                                   .converged = true});
    }
    return record;
}

double top_of(const FitRecord& record) { return *scan_plot(record).panels[0].y.high; }

double highest_point(const FitRecord& record) {
    const Curve curve = scan_plot(record).panels[0].curves.back();
    double highest = 0.0;
    for (const double t : curve.y) highest = std::fmax(highest, t);
    return highest;
}

}  // namespace

TEST_CASE("a scan that reaches 0 shows t there", "[report]") {
    const FitRecord record = parabola(0.25, 0.0, 2.0);  // t = 16 at 0

    CHECK(top_of(record) > 16.0);
    CHECK(top_of(record) < 20.0);
    CHECK(highest_point(record) == 16.0);
    CHECK(scan_caption(record).find("mu = 0") == std::string::npos);
}

TEST_CASE("a scan without 0 ends at 12 and says what t is there", "[report]") {
    FitRecord record = parabola(0.25, 0.1, 1.9);

    CHECK(top_of(record) == 12.0);
    CHECK(scan_caption(record).find("mu = 0") == std::string::npos);  // nobody knows

    record.limits.emplace();
    record.limits->discovery.q0 = 15.96;
    CHECK_THAT(scan_caption(record), Contains("At mu = 0, beside the scan, t = 15.96."));
}

TEST_CASE("t at 0 far above the interval is told, not drawn", "[report]") {
    const FitRecord record = parabola(0.05, -0.025, 2.0);  // t = 400 at 0, between two points

    CHECK(top_of(record) == 12.0);
    CHECK_THAT(scan_caption(record), Contains("At mu = 0, above the picture, t = 400"));
}
