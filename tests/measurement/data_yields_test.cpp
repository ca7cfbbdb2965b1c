#include "measurement/data_yields.hpp"

#include <string>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// Of data whose number is 220, beside a background of 100 and a signal of 100 mu.
std::vector<std::string> warnings_for(const std::string& range, const std::string& data) {
    const auto ratios = test::example_ratios(test::example_set("S", {300, 600, 900}),
                                             test::example_set("B", {900, 600, 300}),
                                             test::example_set("data", {90, 60, 70}));
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), ratios);
    std::string text = test::example_campaign_text(data);
    const std::string old = "range = [";
    const std::size_t at = text.find(old);
    text.replace(at, text.find('\n', at) - at, "range = " + range);
    const test::ExampleFit fitted(folder.path(), text);
    return yield_warnings(fitted.campaign, fitted.model, fitted.ratios, fitted.result);
}

}  // namespace

TEST_CASE("a number of events that no parameter can reach is told") {
    const std::string observed = "[data]\nsample = \"data\"\n";

    CHECK(warnings_for("[0.0, 10.0]", observed).empty());  // mu = 1.2
    const auto far = warnings_for("[0.0, 0.5]", observed);
    REQUIRE(far.size() == 1);
    CHECK_THAT(far[0], Contains("220 events were observed, and the fit expects 150 +- 12.2"));
    CHECK(warnings_for("[0.0, 0.5]", "[data]\nasimov = { mu = 0.5 }\n").empty());
}
