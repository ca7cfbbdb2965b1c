#include <string>

#include "ratiofarm_test/catch.hpp"

#include "results/unfold_json.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

TEST_CASE("the text of an unfolding says what is compared, and what the bottom line means",
          "[results]") {
    UnfoldRecord record;
    UnfoldedObservable& pt = record.observables.emplace_back();
    pt.column = "pt";
    pt.edges = {0.0, 1.0};
    pt.prior = {10.0};
    pt.unfolded = {12.0};
    pt.error = {2.0};
    CHECK(unfold_text(record).find("chi2") == std::string::npos);

    pt.bottom_line = BottomLine{{177.7, 7, 1.0, 0.0}, {108.8, 6, 1.0, 0.0}};
    pt.compared = {{"herwig", {11.0}, {1.0}, ChiSquare{4.25, 5, 1.0, 0.5}}, {"other", {}, {}, {}}};

    CHECK_THAT(
        unfold_text(record),
        Contains("the simulation against the data: chi2 177.7 (7 bins) as measured, 108.8 (6) "
                 "unfolded,\n  which must not be larger\n"
                 "  unfolded against 'herwig': chi2 4.25 (5 bins)\n"));
    CHECK(unfold_text(record).find("other") == std::string::npos);
}
