#include "report/plot.hpp"

#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

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

TEST_CASE("a program that is no gnuplot is not taken for one", "[report]") {
    CHECK_FALSE(Plotter("true").available());
    CHECK_FALSE(Plotter("/nowhere/gnuplot").available());
    CHECK_THAT(Plotter("/nowhere/gnuplot").complaint(), Contains("/nowhere/gnuplot"));
    CHECK(Plotter().complaint().empty());
}
