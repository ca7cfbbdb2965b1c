#include "tables/events/event_rows.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

double log_normal(double x, double mean) {
    return -0.5 * (x - mean) * (x - mean) - 0.5 * std::log(2.0 * M_PI);
}

/// Two gaussians one apart, and the name of the second by its process.
LogDensity densities_at(const std::vector<double>& x) {
    LogDensity density{{"S", "background"}, {}};
    for (const double at : x) {
        density.values.push_back(log_normal(at, 1.0));
        density.values.push_back(log_normal(at, 0.0));
    }
    return density;
}

const std::vector<ReferenceComponent> mixture{{"signal", "S", 0.25}, {"background", "B", 0.75}};

}  // namespace

TEST_CASE("exact ratios are the quotient of the densities", "[tables]") {
    const LogDensity density = densities_at({-3.0, 0.2, 4.0});

    const auto ratios =
        exact_log_ratios(density, std::vector<std::uint64_t>{2, 0}, {"S", "signal"}, mixture);

    REQUIRE(ratios.has_value());
    REQUIRE(ratios->size() == 2);
    for (std::size_t k = 0; k < 2; ++k) {
        const double x = k == 0 ? 4.0 : -3.0;
        const double p = std::exp(log_normal(x, 1.0));
        const double reference = 0.25 * p + 0.75 * std::exp(log_normal(x, 0.0));
        CHECK(std::abs((*ratios)[k] - (std::log(p) - std::log(reference))) < 1e-12);
    }
}

TEST_CASE("exact ratios stay finite where the densities vanish", "[tables]") {
    // At x = 60 both densities are below the smallest number; at -2000 the signal is e^-2000 of it.
    const LogDensity density = densities_at({60.0, -60.0, -2000.0});
    const std::vector<std::uint64_t> rows{0, 1, 2};

    const auto signal = exact_log_ratios(density, rows, {"S", "signal"}, mixture);
    const auto background = exact_log_ratios(density, rows, {"B", "background"}, mixture);

    REQUIRE((signal.has_value() && background.has_value()));
    CHECK((*signal)[0] == Approx(-std::log(0.25)).epsilon(1e-12));
    CHECK((*background)[0] == Approx(-59.5 - std::log(0.25)).epsilon(1e-12));
    CHECK((*background)[1] == Approx(-std::log(0.75)).epsilon(1e-12));
    CHECK((*signal)[2] == Approx(-2000.5 - std::log(0.75)).epsilon(1e-9));
}

TEST_CASE("without the density of a process there are no exact ratios", "[tables]") {
    const LogDensity density = densities_at({0.0});
    const std::vector<std::uint64_t> rows{0};
    auto other = mixture;
    other[1] = {"other", "O", 0.75};

    CHECK(!exact_log_ratios(density, rows, {"O", "other"}, mixture).has_value());
    CHECK(!exact_log_ratios(density, rows, {"S", "signal"}, other).has_value());
}
