#include "measurement/shown_information.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <tuple>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/philox.hpp"

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
    std::string data = "sample = \"data\"";
    Digest ensemble = {};  ///< of both; none: ratios of others
    Split split = {.train = 0.0, .validation = 0.0, .inference = 1.0};

    std::vector<ShownInformation> shown(const test::ExampleFit& fitted) const {
        return held_out(fitted).information;
    }

    HeldOut held_out(const test::ExampleFit& fitted) const {
        return held_out_events(fitted.campaign, fitted.ratios, fitted.likelihood, fitted.result);
    }

    template <class Check>
    void with_fit(Check check) const {
        auto ratios = test::example_ratios(test::example_set("S", s), test::example_set("B", b),
                                           test::example_set("data", {90, 60, 70}));
        ratios.header.split = split;
        for (RatioProcess& process : ratios.header.processes) process.ensemble = ensemble;
        ratios.log_r = [this](std::size_t process, std::size_t bin) {
            return std::log((process == 0 ? r_s : r_b)[bin]);
        };
        const test::TemporaryDirectory folder;
        test::write_example(folder.path(), ratios);
        std::string text = test::example_campaign_text("[data]\n" + data +
                                                       "\n[parameters.k]\nrange = [0.0, 10.0]\n");
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

/// Rates of both processes fitted to contents of bins. \param p, q templates of sum 1
/// \return mu = rate of p / 100
double fitted_mu(const test::Bins& data, const test::Bins& p, const test::Bins& q) {
    double mu = 1.0, k = 1.0;
    for (int step = 0; step < 30; ++step) {
        double g_mu = -100.0, g_k = -100.0, h_mm = 0.0, h_mk = 0.0, h_kk = 0.0;
        for (std::size_t b = 0; b < test::n_bins; ++b) {
            const double u = 100.0 * p[b] / (100.0 * (mu * p[b] + k * q[b]));
            const double v = 100.0 * q[b] / (100.0 * (mu * p[b] + k * q[b]));
            g_mu += data[b] * u;
            g_k += data[b] * v;
            h_mm += data[b] * u * u;
            h_mk += data[b] * u * v;
            h_kk += data[b] * v * v;
        }
        const double determinant = h_mm * h_kk - h_mk * h_mk;
        mu += (h_kk * g_mu - h_mk * g_k) / determinant;
        k += (h_mm * g_k - h_mk * g_mu) / determinant;
    }
    return mu;
}

/// Shares of bins among as many events as there are, drawn anew.
test::Bins drawn(const std::array<std::size_t, test::n_bins>& events, PhiloxSequence& random) {
    const auto n = static_cast<double>(events[0] + events[1] + events[2]);
    test::Bins shares{};
    for (double k = 0.0; k < n; ++k) {
        const double u = random.uniform() * n;
        const auto first = static_cast<double>(events[0]);
        shares[u < first ? 0 : u < first + static_cast<double>(events[1]) ? 1 : 2] += 1.0 / n;
    }
    return shares;
}

}  // namespace

TEST_CASE("the finite simulation moves mu as templates that are drawn anew do", "[measurement]") {
    // r_j = p_j / p_ref, as both are half of the reference and alike but for the order of the bins
    Example example{falling, rising, {1.5, 1.0, 0.5}, {0.5, 1.0, 1.5}};
    example.data = "asimov = { mu = 1.0 }";
    example.ensemble = {1, 2};
    // both folds train with half of the others: as all events, of which half train
    example.split = {.train = 0.5, .validation = 0.5, .inference = 0.0, .folds = 2};
    example.with_fit([&](const test::ExampleFit& fitted) {
        const std::optional<SimulationNoise> noise = example.held_out(fitted).noise;
        REQUIRE(noise);
        REQUIRE(noise->asimov);
        CHECK(noise->training.value() == Approx(std::sqrt(2.0) * *noise->asimov));

        PhiloxSequence random(11);
        test::Bins data{};
        for (std::size_t b = 0; b < test::n_bins; ++b) {
            data[b] = 100.0 * static_cast<double>(falling[b] + rising[b]) / 1800.0;
        }
        double squares = 0.0;
        constexpr int draws = 2000;
        for (int draw = 0; draw < draws; ++draw) {
            const double moved =
                fitted_mu(data, drawn(falling, random), drawn(rising, random)) - 1.0;
            squares += moved * moved / draws;
        }
        CHECK(*noise->asimov == Approx(std::sqrt(squares)).epsilon(0.06));
    });
}

TEST_CASE("what is not known of the simulation is not told", "[measurement]") {
    Example example{falling, rising, {1.5, 1.0, 0.5}, {0.5, 1.0, 1.5}};
    example.with_fit([&](const test::ExampleFit& fitted) {  // others' nets, and data
        CHECK_FALSE(example.held_out(fitted).noise);
    });
    example.data = "asimov = { mu = 1.0 }";
    example.with_fit([&](const test::ExampleFit& fitted) {  // others' nets
        const auto noise = example.held_out(fitted).noise;
        REQUIRE(noise);
        CHECK_FALSE(noise->training);
        CHECK(noise->asimov.value() > 0.0);
    });
}

TEST_CASE("a simulation that moves mu by much of its error is a doubt", "[measurement]") {
    Campaign campaign;
    FitRecord record;
    record.fit.poi = "mu";
    record.fit.parameters = {{.name = "mu", .value = 1.0, .error = 0.5}};
    CHECK_FALSE(noisy_simulation(campaign, record));
    record.simulation = SimulationNoise{0.14, {}};
    CHECK_FALSE(noisy_simulation(campaign, record));
    record.simulation->training = 0.25;
    CHECK_THAT(noisy_simulation(campaign, record).value(),
               Contains("moves mu by about 0.25") && Contains("expect about 0.56"));
    campaign.finite_mc.method = FiniteMcMethod::replicas;
    CHECK_FALSE(noisy_simulation(campaign, record));
}

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
