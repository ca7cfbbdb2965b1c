#include "measurement/data_yields.hpp"

#include <array>
#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// Beside a background of 100 and a signal of 100 mu, mu >= 0.
std::vector<std::string> warnings_for(const std::array<std::size_t, test::n_bins>& observed,
                                      const std::string& data) {
    const auto ratios = test::example_ratios(test::example_set("S", {300, 600, 900}),
                                             test::example_set("B", {900, 600, 300}),
                                             test::example_set("data", observed));
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), ratios);
    const test::ExampleFit fitted(folder.path(), test::example_campaign_text(data));
    return yield_warnings(fitted.campaign, fitted.model, fitted.ratios, fitted.result);
}

}  // namespace

TEST_CASE("a number of events that no parameter can reach is told") {
    const std::string sample = "[data]\nsample = \"data\"\n";

    CHECK(warnings_for({90, 60, 70}, sample).empty());
    const auto far = warnings_for({9, 6, 7}, sample);
    REQUIRE(far.size() == 1);
    CHECK_THAT(far[0], Contains("22 events were observed, and the fit expects 100 +- 10"));
    CHECK(warnings_for({9, 6, 7}, "[data]\nasimov = { mu = 0.5 }\n").empty());
}
