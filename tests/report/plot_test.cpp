#include "report/plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "report/inference_plots.hpp"
#include "report/plotter.hpp"

#include "markup.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

Plot line_plot() {
    Curve line;
    line.label = "it's <b>";
    line.x = {0.0, 1.0, 2.0};
    line.y = {1.0, std::numeric_limits<double>::quiet_NaN(), 3.0};
    Panel panel;
    panel.curves = {line};
    Plot plot;
    plot.x.label = "cos_theta & more";
    plot.panels = {panel};
    return plot;
}

}  // namespace

TEST_CASE("the outline of a histogram has two points per bin", "[report]") {
    const std::vector<double> edges{0.0, 1.0, 3.0};
    const std::vector<double> values{5.0, 7.0};

    const Curve curve = outline(edges, values, "h", Colour::blue);

    CHECK(curve.x == std::vector<double>{0.0, 1.0, 1.0, 3.0});
    CHECK(curve.y == std::vector<double>{5.0, 5.0, 7.0, 7.0});
}

TEST_CASE("labels reach the picture as they are", "[report]") {
    const std::string svg = Plotter().svg(line_plot(), "one");

    CHECK(svg.substr(0, 4) == "<svg");
    CHECK(ratiofarm::test::markup_mistake(svg).value_or("") == "");
    CHECK_THAT(svg, Contains("cos_theta &amp; more"));
    CHECK_THAT(svg, Contains("it's &lt;b"));
    CHECK_THAT(svg, Contains("id='one-gpDot'"));
}

TEST_CASE("a plot without a single value is an error with the words of gnuplot", "[report]") {
    Plot plot = line_plot();
    plot.panels[0].curves[0].x.clear();
    plot.panels[0].curves[0].y.clear();

    CHECK_THROWS_AS(Plotter().svg(plot, "one"), SystemError);
}

TEST_CASE("curves without a value are left out of the picture, and gnuplot has no warning",
          "[report]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> x{0.0, 1.0, 2.0};
    const std::vector<double> gaps(3, nan);
    Plot plot = line_plot();
    auto& curves = plot.panels[0].curves;
    curves.push_back({.label = "nowhere", .x = x, .y = gaps});
    curves.push_back({.label = "never", .mark = Mark::points});
    curves.push_back({.label = "half", .mark = Mark::band, .x = x, .low = x, .high = gaps});
    curves.push_back({.label = "apart", .x = {0.0, nan}, .y = {nan, 1.0}});
    curves.push_back(
        {.label = "bare", .mark = Mark::points, .x = x, .y = x, .low = gaps, .high = gaps});
    setenv("LC_ALL", "C", 1);  // as in a bare container
    const Plotter plotter;
    Plot powers = line_plot();
    powers.panels[0].y.logarithmic = true;
    powers.panels[0].curves.push_back({.label = "zero", .x = x, .y = {0.0, 0.0, 0.0}});

    const std::string svg = plotter.svg(plot, "one") + plotter.svg(powers, "two");

    CHECK(plotter.warnings() == std::vector<std::string>{});
    for (const char* label : {"nowhere", "never", "half", "apart", "zero"}) {
        CAPTURE(label);
        CHECK(svg.find(label) == std::string::npos);
    }
    CHECK(svg.find("bare") != std::string::npos);
}

TEST_CASE("a program that is no gnuplot is not taken for one", "[report]") {
    CHECK_FALSE(Plotter("true").available());
    CHECK_FALSE(Plotter("/nowhere/gnuplot").available());
    CHECK_THAT(Plotter("/nowhere/gnuplot").complaint(), Contains("/nowhere/gnuplot"));
    CHECK(Plotter().complaint().empty());
}

TEST_CASE("stacked panels have one x axis, that of all their curves", "[report]") {
    Plot plot = line_plot();  // x from 0 to 2
    Panel below = plot.panels[0];
    below.curves[0].x = {0.5, 1.0, 7.0};
    plot.panels.push_back(below);
    plot.panels.push_back(plot.panels[0]);
    const PictureFile picture;

    const std::string program = gnuplot_program(plot, {&picture, 1});

    std::size_t ranges = 0;
    for (std::size_t at = program.find("set xrange"); at != std::string::npos;
         at = program.find("set xrange", at + 1)) {
        CHECK(program.substr(at, program.find('\n', at) - at) == "set xrange [0:7]");
        ++ranges;
    }
    CHECK(ranges == 3);
}

TEST_CASE("points beyond a panel leave a triangle at its edge", "[report]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    Plot plot = line_plot();
    plot.panels[0].y = {.label = "ratio", .low = 0.6, .high = 1.4};
    plot.panels[0].curves[0] = {
        .mark = Mark::points, .x = {0.0, 1.0, 2.0, 3.0, 4.0}, .y = {1.0, nan, 1.7, 1.39, infinity}};
    const Plotter plotter;
    const auto triangles = [&] {
        const std::string svg = plotter.svg(plot, "one");
        std::vector<std::size_t> number;  // of those that point up and down
        for (const char* shape : {"xlink:href='#one-gpPt8'", "xlink:href='#one-gpPt10'"}) {
            number.push_back(0);
            for (std::size_t at = svg.find(shape); at != std::string::npos;
                 at = svg.find(shape, at + 1)) {
                ++number.back();
            }
        }
        return number;
    };

    CHECK(triangles() == std::vector<std::size_t>{1, 0});

    plot.panels[0].curves[0].y = {0.3, 0.5, 2.0, 1.0, -infinity};
    CHECK(triangles() == std::vector<std::size_t>{1, 2});

    plot.panels[0].curves[0].y = {0.6, 1.0, 1.0, 1.4, 1.0};
    CHECK(triangles() == std::vector<std::size_t>{0, 0});

    plot.panels[0].curves.push_back(
        outline(std::vector{0.0, 1.0, 2.0, 3.0}, std::vector{1.0, 1.5, 1.2}, "", Colour::blue));
    CHECK(triangles() == std::vector<std::size_t>{1, 0});  // of the second bin, once
    plot.panels[0].curves.pop_back();

    plot.panels[0].y = {.low = 1.0, .high = 100.0, .logarithmic = true};
    plot.panels[0].curves[0].y = {0.5, 10.0, 200.0, 1000.0, 2.0};
    CHECK(triangles() == std::vector<std::size_t>{2, 1});
    CHECK(plotter.warnings().empty());
}

TEST_CASE("a ranking has the refits after the fit and the constraints before it", "[report]") {
    FitResult fit;
    fit.poi = "mu";
    fit.parameters = {{"mu", 1.0, 0.5}, {"a", 0.3, 0.5}, {"b", 0.0, 1.0}};
    fit.parameters[1].pull = 0.3;
    fit.parameters[1].constraint = 0.5;
    fit.correlation = {{1.0, 0.4, -0.05}, {0.4, 1.0, 0.0}, {-0.05, 0.0, 1.0}};
    fit.impacts = {{"b", 0.0, -0.01}, {"a", 0.0, 0.2}};
    fit.impacts[1].refit_down = -0.25;
    fit.impacts[1].refit_up = 0.15;

    const Plot plot = ranking_plot(fit, 0, 10);

    REQUIRE(plot.panels.size() == 2);
    CHECK(plot.panels[0].rows == std::vector<std::string>{"a", "b"});
    const auto& curves = plot.panels[0].curves;
    CHECK(curves[0].high == std::vector<double>{0.15, 0.0});  // up
    CHECK(curves[1].low == std::vector<double>{-0.25, 0.0});  // down
    CHECK(curves[2].high[0] == 0.3);                          // up, by the constraint: / 0.5
    CHECK(std::isnan(curves[2].x[1]));                        // b has no constraint
    CHECK(plot.panels[1].curves[0].low == std::vector<double>{-0.2});
    CHECK(plot.panels[1].curves[0].high == std::vector<double>{0.8});

    const CorrelationPlot correlations = correlation_plot(fit, 10);  // b has none of 10 %
    CHECK(correlations.shown == 2);
    CHECK(correlations.all == 3);
    CHECK(correlations.plot.panels[0].curves[1].value == std::vector<double>{100.0, 40.0, 100.0});

    // The ellipse touches value +- sqrt(2.30) errors on each axis.
    const Plot contours = contour_plot(fit, "mu", "a");
    const Curve& inner = contours.panels[0].curves[1];
    const double reach = std::sqrt(-2.0 * std::log(1.0 - 0.6827));
    CHECK(*std::max_element(inner.x.begin(), inner.x.end()) == Approx(1.0 + 0.5 * reach));
    CHECK(*std::max_element(inner.y.begin(), inner.y.end()) ==
          Approx(0.3 + 0.5 * reach).epsilon(1e-3));
    // At the largest mu the other parameter follows with their correlation.
    CHECK(inner.y.front() == Approx(0.3 + 0.5 * 0.4 * reach));
}
