#include "measurement/shown_information.hpp"

#include <array>
#include <cmath>
#include <string>
#include <tuple>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::array<std::size_t, test::n_bins> falling{900, 600, 300};
constexpr std::array<std::size_t, test::n_bins> rising{300, 600, 900};
constexpr std::array<std::size_t, test::n_bins> flat{600, 600, 600};
const test::Bins r_s{std::exp(0.3F), 1.0, std::exp(-0.3F)};
const test::Bins r_b{std::exp(-0.3F), 1.0, std::exp(0.3F)};

/// Both rates free; ratios as given whatever the densities are.
struct Example {
    std::array<std::size_t, test::n_bins> s, b;
    test::Bins r_s, r_b;

    std::vector<ShownInformation> shown(const test::ExampleFit& fitted) const {
        return shown_information(fitted.campaign, fitted.ratios, fitted.likelihood, fitted.result);
    }

    template <class Check>
    void with_fit(Check check) const {
        auto ratios = test::example_ratios(test::example_set("S", s), test::example_set("B", b),
                                           test::example_set("data", {90, 60, 70}));
        ratios.log_r = [this](std::size_t process, std::size_t bin) {
            return std::log((process == 0 ? r_s : r_b)[bin]);
        };
        const test::TemporaryDirectory folder;
        test::write_example(folder.path(), ratios);
        std::string text = test::example_campaign_text(
            "[data]\nsample = \"data\"\n[parameters.k]\nrange = [0.0, 10.0]\n");
        text.insert(text.find("[reference]"), "coefficient = \"k\"\n");
        check(test::ExampleFit(folder.path(), text));
    }

    /// The same for mu by sums over three bins, one for every process.
    ShownInformation slow(const FitResult& fitted) const {
        const double mu = fitted.parameters[0].value;
        const double k = fitted.parameters[1].value;
        ShownInformation result{"mu", fitted.parameters[0].error};
        const double c_mu = fitted.covariance[0][0] / result.error;
        const double c_k = fitted.covariance[0][1] / result.error;
        double variance = 0.0;
        for (const auto& [events, rate, own] :
             {std::tuple(s, 100.0 * mu, 100.0 * c_mu), std::tuple(b, 100.0 * k, 100.0 * c_k)}) {
            double n = 0.0, sum = 0.0, squares = 0.0;
            for (std::size_t bin = 0; bin < test::n_bins; ++bin) {
                const double d = 100.0 * (mu * r_s[bin] + k * r_b[bin]);
                const double psi = 100.0 * (c_mu * r_s[bin] + c_k * r_b[bin]) / d;
                const double y = psi * (own - rate * psi);
                const auto count = static_cast<double>(events[bin]);
                n += count;
                sum += count * y;
                squares += count * y * y;
            }
            result.share += sum / n;
            variance += (squares - sum * sum / n) / (n * n);
        }
        result.share_error = std::sqrt(variance);
        return result;
    }
};

}  // namespace

TEST_CASE("noise that separates two processes of one density is not shown by events",
          "[measurement]") {
    const Example example{flat, flat, r_s, r_b};
    example.with_fit([&](const test::ExampleFit& fitted) {
        const auto shown = example.shown(fitted);

        REQUIRE(shown.size() == 2);
        const ShownInformation slow = example.slow(fitted.result);
        CHECK(shown[0].parameter == "mu");
        CHECK(shown[0].share == Approx(slow.share).margin(1e-5));
        CHECK(shown[0].share_error == Approx(slow.share_error).epsilon(1e-4));
        CHECK(shown[0].share < 0.25);  // of the sum of both rates
        const auto warnings = warnings_of(shown);
        REQUIRE(warnings.size() == 2);
        CHECK_THAT(warnings[0], Contains("on mu") && Contains("noise of the nets"));
        CHECK_THAT(warnings[1], Contains("on k"));
    });
}

TEST_CASE("events show all of what right ratios know", "[measurement]") {
    const Example example{falling, rising, {1.5, 1.0, 0.5}, {0.5, 1.0, 1.5}};
    example.with_fit([&](const test::ExampleFit& fitted) {
        for (const ShownInformation& shown : example.shown(fitted)) {
            CHECK(shown.share == Approx(1.0).epsilon(1e-6));
            CHECK(shown.share_error > 0.0);
        }
        CHECK(warnings_of(example.shown(fitted)).empty());
    });
}

TEST_CASE("nets that learned a part of a difference are told by events that show more of it",
          "[measurement]") {
    const Example example{falling, rising, r_s, r_b};
    example.with_fit([&](const test::ExampleFit& fitted) {
        const auto shown = example.shown(fitted);

        CHECK(shown[0].share == Approx(example.slow(fitted.result).share).epsilon(1e-5));
        CHECK(shown[0].share > 1.2);
        REQUIRE(warnings_of(shown).size() == 2);
        CHECK_THAT(warnings_of(shown)[0], Contains("learned only a part"));
    });
}

TEST_CASE("a share is far from 1 by a fifth and by three errors", "[measurement]") {
    CHECK(warnings_of({{"mu", 0.1, 0.81, 0.01}, {"mu", 0.1, 1.19, 0.01}}).empty());
    CHECK(warnings_of({{"mu", 0.1, 0.4, 0.21}}).empty());
    const auto warnings = warnings_of({{"mu", 0.1, 0.5, 0.05}});
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Contains("50 +- 5 %") && Contains("expect about 0.2"));
    CHECK_THAT(warnings_of({{"mu", 0.1, 0.08, 0.05}}).at(0), Contains("Do not use"));
}
