// What is drawn of a fit, against short sums over three bins.
#include "measurement/spectra.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/process_rates.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;

namespace {

constexpr test::Bins r_s{0.4, 0.9, 1.6};
constexpr test::Bins r_b{1.7, 1.1, 0.5};
constexpr test::Bins g_up{1.3, 1.0, 0.8};
constexpr test::Bins g_down{0.9, 1.05, 1.2};

const std::string with_systematic = R"toml(
[data]
sample = "data"
[[systematic]]
name = "scale"
shape = ["B"]
yield = { B = { up = 1.1, down = 0.8 } }
[[region]]
name = "SR"
type = "unbinned"
[[region]]
name = "CR"
type = "binned"
observed = [55, 28]
[[region.sample]]
name = "B"
contents = [50.0, 30.0]
yields = [{ parameter = "alpha_scale", up = 1.2, down = 0.85 }]
)toml";

test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {200, 400, 400}),
                                       test::example_set("B", {900, 500, 100}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.header.shapes = {{"B", "alpha_scale"}};
    ratios.log_r = [](std::size_t j, std::size_t b) { return std::log(j == 0 ? r_s[b] : r_b[b]); };
    ratios.log_g = [](std::size_t, bool up, std::size_t b) {
        return std::log(up ? g_up[b] : g_down[b]);
    };
    return ratios;
}

/// Expected events in the three bins at some parameters, as {S, B}.
std::array<test::Bins, 2> slow(double mu, double alpha) {
    const test::Bins s = example().sets[0].shares();
    const test::Bins b = example().sets[1].shares();
    std::array<test::Bins, 2> parts{};
    std::array<double, 2> sums{};
    for (std::size_t k = 0; k < test::n_bins; ++k) {
        const double reference = 0.5 * s[k] + 0.5 * b[k];
        const double g = interpolate(Interpolation::code4, {g_up[k], g_down[k]}, alpha).value;
        parts[0][k] = reference * r_s[k];
        parts[1][k] = reference * r_b[k] * g;
        for (std::size_t j = 0; j < 2; ++j) sums[j] += parts[j][k];
    }
    const double yield = interpolate(Interpolation::code4, {1.1, 0.8}, alpha).value;
    for (std::size_t k = 0; k < test::n_bins; ++k) {
        parts[0][k] *= mu * 100.0 / sums[0];
        parts[1][k] *= yield * 100.0 / sums[1];
    }
    return parts;
}

test::Bins total(double mu, double alpha) {
    const auto parts = slow(mu, alpha);
    test::Bins sum{};
    for (std::size_t k = 0; k < test::n_bins; ++k) sum[k] = parts[0][k] + parts[1][k];
    return sum;
}

/// The three bins of x that hold events, of those that are drawn.
std::size_t place(const Spectrum& spectrum, std::size_t bin) {
    const auto n = spectrum.data.size();
    return bin == 0 ? 0 : bin == 1 ? n / 2 : n - 1;
}

const Spectrum& find(const std::vector<Spectrum>& all,
                     const std::string& region,
                     const std::string& observable) {
    for (const Spectrum& spectrum : all) {
        if (spectrum.region == region && spectrum.observable == observable) return spectrum;
    }
    throw DataError("no spectrum of " + region + " in " + observable);
}

}  // namespace

TEST_CASE("spectra are the mixture, its errors and its variations", "[measurement]") {
    const test::TemporaryDirectory folder;
    const auto samples = test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(),
                                  test::example_campaign_text(with_systematic, "reference"));
    const FitResult& fit = fitted.result;
    REQUIRE(fit.converged);
    const double mu = find_fitted(fit, "mu")->value;
    const double alpha = find_fitted(fit, "alpha_scale")->value;
    const double mu_error = find_fitted(fit, "mu")->error;
    const double alpha_error = find_fitted(fit, "alpha_scale")->error;
    CHECK(std::abs(alpha) > 0.05);  // the shape acts

    const auto all = spectra({fitted.campaign, folder / "ratios.h5", samples, 2}, fit);

    REQUIRE(all.size() == 3);
    const Spectrum& x = find(all, "SR", "x");
    CHECK(x.observed);
    const auto& parameters = fitted.model.parameters;
    const bool mu_first = parameters[0].name == "mu";
    const double rho = fit.correlation[0][1];
    for (std::size_t b = 0; b < test::n_bins; ++b) {
        const std::size_t k = place(x, b);
        CAPTURE(b);
        CHECK(x.data[k] == (b == 0 ? 90.0 : b == 1 ? 60.0 : 50.0));
        for (std::size_t j = 0; j < 2; ++j) {
            CHECK(x.before.parts[j][k] == Approx(slow(1.0, 0.0)[j][b]).epsilon(1e-6));
            CHECK(x.after.parts[j][k] == Approx(slow(mu, alpha)[j][b]).epsilon(1e-6));
        }
        const double up = total(1.0, 1.0)[b];
        const double down = total(1.0, -1.0)[b];
        CHECK(x.before.error[k] == Approx(0.5 * std::abs(up - down)).epsilon(1e-6));
        REQUIRE(x.variations.size() == 1);
        CHECK(x.variations[0].up[k] == Approx(up).epsilon(1e-6));
        CHECK(x.variations[0].down[k] == Approx(down).epsilon(1e-6));
        const double by_mu =
            0.5 * (total(mu + mu_error, alpha)[b] - total(mu - mu_error, alpha)[b]);
        const double by_alpha =
            0.5 * (total(mu, alpha + alpha_error)[b] - total(mu, alpha - alpha_error)[b]);
        CHECK(x.after.error[k] ==
              Approx(std::sqrt(by_mu * by_mu + by_alpha * by_alpha + 2.0 * rho * by_mu * by_alpha))
                  .epsilon(1e-6));
    }
    CHECK(mu_first);
    double events = 0.0;
    for (const double value : find(all, "SR", "d ln D / d mu").after.total) events += value;
    CHECK(events == Approx(rates_at(fitted.model, fitted.model.unbinned[0], best_values(fit))[0] +
                           rates_at(fitted.model, fitted.model.unbinned[0], best_values(fit))[1]));

    const Spectrum& control = find(all, "CR", "");
    CHECK(control.data == std::vector<double>{55.0, 28.0});
    const double factor = interpolate(Interpolation::code4, {1.2, 0.85}, alpha).value;
    CHECK(control.after.total[0] == Approx(50.0 * factor));
    CHECK(control.before.error[1] == Approx(30.0 * 0.5 * (1.2 - 0.85)));
    CHECK(control.variations[0].down[1] == Approx(30.0 * 0.85));
}

TEST_CASE("spectra of a blind campaign show Asimov data, whatever the data are", "[measurement]") {
    const test::TemporaryDirectory folder;
    const auto samples = test::write_example(folder.path(), example());
    const std::string blind = "[data]\nsample = \"data\"\nblind = true\n";
    const test::ExampleFit fitted(folder.path(), test::example_campaign_text(blind, "reference"));

    const auto all = spectra({fitted.campaign, folder / "ratios.h5", samples, 1}, fitted.result);

    const Spectrum& x = find(all, "SR", "x");
    CHECK_FALSE(x.observed);
    const test::Bins s = example().sets[0].shares();
    const test::Bins b = example().sets[1].shares();
    for (std::size_t k = 0; k < test::n_bins; ++k) {  // the samples at mu = 1, 100 events each
        CHECK(x.data[place(x, k)] == Approx(100.0 * (s[k] + b[k])));
    }
}
