#include "measurement/finite_mc_fit.hpp"

#include <cmath>

#include <fmt/ranges.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// Replicas whose ln r_S is a constant, without normalisation: mu-hat = N / s - exp(-c).
const std::vector<double> constants{0.125, -0.0625, 0.03125, -0.25};

test::ExampleRatios example(std::uint32_t replicas) {
    auto ratios = test::example_ratios(test::example_set("S", {20, 20, 20}),
                                       test::example_set("B", {20, 20, 20}),
                                       test::example_set("data", {90, 60, 50}));
    if (replicas > 0) ratios.header.replicas = {replicas, replicas};
    ratios.line = [](NetRatios, std::size_t process, std::uint64_t net, std::size_t) {
        return process == 0 ? constants[net] : 0.0;
    };
    return ratios;
}

std::string text_with(const std::string& use, const std::string& method = "replicas") {
    return test::example_campaign_text(
        "[data]\nsample = \"data\"\n[ensemble]\nreplicas = 4\n[finite_mc]\nmethod = \"" + method +
        "\"\nuse = \"" + use + "\"\n");
}

/// Standard deviation of exp(-c).
double replica_sigma() {
    double mean = 0.0;
    double squares = 0.0;
    for (const double c : constants) mean += std::exp(-c) / 4.0;
    for (const double c : constants) squares += std::pow(std::exp(-c) - mean, 2) / 3.0;
    return std::sqrt(squares);
}

/// t of 200 events without ratios, s = b = 100.
double slow_t(double mu) {
    const auto nll = [](double m) {
        return 100.0 * (m + 1.0) - 200.0 * std::log(100.0 * (m + 1.0));
    };
    return 2.0 * (nll(mu) - nll(1.0));
}

const double fit_error = std::sqrt(200.0) / 100.0;  // of N = 200 events: sqrt(N) / s

}  // namespace

TEST_CASE("a campaign that does not ask for it has no uncertainty of finite simulation",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(4));
    const test::ExampleFit fitted(folder.path(), test::example_campaign_text());

    CHECK_FALSE(finite_mc_record(fitted.alone, fitted.point, fitted.result, Log()).has_value());
}

TEST_CASE("a method without its lines is refused with the key that makes them", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(0));
    const test::ExampleFit replicas(folder.path(), text_with("report"));
    const test::ExampleFit wifi(folder.path(), text_with("report", "wifi"));

    CHECK_THROWS_WITH(
        finite_mc_record(replicas.alone, replicas.point, replicas.result, Log()),
        Contains("no two replicas of every process") && Contains("ensemble.replicas"));
    CHECK_THROWS_WITH(finite_mc_record(wifi.alone, wifi.point, wifi.result, Log()),
                      Contains("keep_members = true"));
}

TEST_CASE("a reported uncertainty leaves the fit alone", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(4));
    const test::ExampleFit fitted(folder.path(), text_with("report"));

    const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());

    REQUIRE(record.has_value());
    CHECK(record->method == FiniteMcMethod::replicas);
    CHECK(record->use == FiniteMcUse::report);
    CHECK(record->sigma == Approx(replica_sigma()).epsilon(1e-6));
    CHECK(record->fit_value == Approx(1.0).epsilon(1e-9));
    CHECK(record->fit_error == Approx(fit_error).epsilon(1e-9));
    CHECK(record->total_error == Approx(std::hypot(fit_error, replica_sigma())).epsilon(1e-6));
    CHECK(record->inflation == 1.0);
    CHECK_FALSE(record->members.has_value());
    CHECK_FALSE(record->wifi.has_value());
    CHECK_FALSE(changes_fit(record));
}

TEST_CASE("inflation divides t by one plus the ratio of the variances", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(4));
    const test::ExampleFit fitted(folder.path(), text_with("inflation"));

    const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());

    REQUIRE(record.has_value());
    const double expected = 1.0 + std::pow(replica_sigma() / fit_error, 2);
    CHECK(record->inflation == Approx(expected).epsilon(1e-6));
    CHECK_FALSE(changes_fit(record));
}

TEST_CASE("few replicas say how badly they know their spread", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(3));
    const test::ExampleFit fitted(folder.path(), text_with("report"));

    const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());

    REQUIRE(record.has_value());
    REQUIRE_FALSE(record->warnings.empty());  // 1 / sqrt(2 (3 - 1)) is a half
    CHECK_THAT(record->warnings.front(), Contains("3 replicas") && Contains(" 50 %"));
}

TEST_CASE("weights that mean little or too much are named", "[measurement]") {
    const test::TemporaryDirectory folder;
    auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                       test::example_set("B", {100, 200, 300}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.header.members = {2, 2};
    ratios.line = [](NetRatios, std::size_t process, std::uint64_t net, std::size_t bin) {
        const auto x = static_cast<double>(bin);
        const double exact = std::log((process == 0 ? 3.0 - x : 1.0 + x) / 2.0);
        const double wave = (net == 0 ? 0.1 : -0.1) * (bin == 1 ? 1.0 : -0.5);
        if (process == 0) return exact + wave;
        return net == 0 ? 0.1 * exact : 0.05 * exact;
    };
    test::write_example(folder.path(), ratios);
    const test::ExampleFit fitted(folder.path(), text_with("report", "wifi"));

    const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());

    REQUIRE(record.has_value());
    CHECK(record->wifi->determined.at(0).at(0) == 0.0);
    CHECK(record->wifi->determined.at(0).at(1) > 0.5);
    CHECK(record->wifi->ratios.at(0).factor.at(0) == std::vector<double>{0.5, 0.5});
    const std::string warnings = fmt::format("{}", fmt::join(record->warnings, "\n"));
    const double most = record->wifi->ratios.at(0).factor.at(1).at(0);
    CHECK(most > 5.0);  // 0.1 w_0 + 0.05 w_1 = 1
    CHECK_THAT(warnings, Contains(fmt::format("'B' have weights of up to {:.1f},", most)));
    // The nominal ratios are 1.
    CHECK(std::abs(record->wifi->estimate - record->fit_value) > 2.0 * record->sigma);
    CHECK_THAT(warnings, Contains("use = \"inflation\" or \"nuisance\" fits with them"));
}

TEST_CASE("equal weights are named where members differ so much that it matters", "[measurement]") {
    const auto warnings_of = [](double wave) {
        const test::TemporaryDirectory folder;
        auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                           test::example_set("B", {100, 200, 300}),
                                           test::example_set("data", {90, 60, 50}));
        ratios.header.members = {2, 2};
        ratios.line = [wave](NetRatios, std::size_t process, std::uint64_t net, std::size_t bin) {
            const auto x = static_cast<double>(bin);
            const double exact = std::log((process == 0 ? 3.0 - x : 1.0 + x) / 2.0);
            if (process == 1) return exact;
            return exact + (net == 0 ? wave : -wave) * (x - 1.0);
        };
        test::write_example(folder.path(), ratios);
        const test::ExampleFit fitted(folder.path(), text_with("report", "wifi"));
        const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());
        CHECK(record->wifi->determined.at(0).at(0) == 0.0);
        return fmt::format("{}", fmt::join(record->warnings, "\n"));
    };

    CHECK_THAT(warnings_of(1.0), Contains("which members of 'S'"));
    CHECK_THAT(warnings_of(0.05), !Contains("equal weights"));
}

TEST_CASE("an inflated interval ends where the inflated t is one", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(4));
    const test::ExampleFit fitted(folder.path(), text_with("inflation"));
    FitResult result = fitted.result;
    result.scan = scan(fitted.likelihood, result, std::vector{0.5, 1.25});
    const FitResult before = result;
    FiniteMcRecord record;
    record.inflation = 2.5;

    inflate(fitted.likelihood, record.inflation, result);

    const FittedParameter& mu = result.parameters.front();
    REQUIRE((mu.error_low && mu.error_high));
    CHECK(slow_t(mu.value - *mu.error_low) == Approx(2.5).epsilon(1e-6));
    CHECK(slow_t(mu.value + *mu.error_high) == Approx(2.5).epsilon(1e-6));
    CHECK(mu.error == before.parameters.front().error);
    for (std::size_t k = 0; k < result.scan.size(); ++k) {
        CHECK(before.scan[k].t == Approx(slow_t(before.scan[k].poi)).epsilon(1e-7));
        CHECK(result.scan[k].t == Approx(slow_t(result.scan[k].poi) / 2.5).epsilon(1e-7));
    }
}

TEST_CASE("an inflation of one changes nothing", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example(4));
    const test::ExampleFit fitted(folder.path(), text_with("inflation"));
    FitResult result = fitted.result;

    inflate(fitted.likelihood, 1.0, result);

    CHECK(result.parameters[0].error_low == fitted.result.parameters[0].error_low);
    CHECK(result.parameters[0].error_high == fitted.result.parameters[0].error_high);
}

TEST_CASE("the nuisance parameter acts on the regions that have a direction", "[measurement]") {
    StatisticalModel model;
    model.parameters = {{.name = "mu"}};
    model.unbinned = {{"A", {{"S", 1.0, {}, {}}, {"B", 1.0, {}, {}}}, ShapeNorm::reference},
                      {"C", {{"S", 1.0, {}, {}}}, ShapeNorm::reference}};
    FiniteMcRecord record;
    record.direction = {{NetRatios::replica, {{0.5}, {0.5}}, {0.0, 0.0}}, {}};

    const StatisticalModel with = finite_mc_model(model, record);

    REQUIRE(with.parameters.size() == 2);
    CHECK(with.parameters[1].name == "alpha_mc");
    CHECK(with.parameters[1].constraint == Constraint{Constraint::Kind::gaussian, 0.0, 1.0});
    for (const ProcessModel& process : with.unbinned[0].processes) {
        CHECK(process.systematics ==
              std::vector<SystematicEffect>{
                  {.parameter = "alpha_mc", .shape = true, .shape_code = Interpolation::code1}});
    }
    CHECK(with.unbinned[1] == model.unbinned[1]);
    CHECK(changes_fit(record));
}

TEST_CASE("a model without a direction stays as it is", "[measurement]") {
    StatisticalModel model;
    model.parameters = {{.name = "mu"}};
    FiniteMcRecord ratios_only;
    ratios_only.ratios = {{NetRatios::member, {{1.0}}, {0.0}}};

    CHECK(finite_mc_model(model, std::nullopt) == model);
    CHECK(finite_mc_model(model, FiniteMcRecord{}) == model);
    CHECK(finite_mc_model(model, ratios_only) == model);
    CHECK_FALSE(changes_fit(std::nullopt));
    CHECK_FALSE(changes_fit(FiniteMcRecord{}));
    CHECK(changes_fit(ratios_only));
}

TEST_CASE("a step of the nuisance parameter moves the estimate by what the record says",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    auto ratios = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                       test::example_set("B", {100, 200, 300}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.header.replicas = {4, 4};
    const auto log_r = [](std::size_t process, std::size_t bin) {
        const auto x = static_cast<double>(bin);
        return std::log((process == 0 ? 3.0 - x : 1.0 + x) / 2.0);  // over the mean of both
    };
    ratios.log_r = log_r;
    ratios.line = [log_r](NetRatios, std::size_t process, std::uint64_t net, std::size_t bin) {
        const double slope = process == 0 ? 0.5 * constants[net] : 0.0;
        return log_r(process, bin) + slope * (static_cast<double>(bin) - 1.0);
    };
    test::write_example(folder.path(), ratios);
    const test::ExampleFit fitted(
        folder.path(),
        test::example_campaign_text(
            "[data]\nasimov = { mu = 1.0, source = \"samples\" }\n[ensemble]\nreplicas = 4\n"
            "[finite_mc]\nmethod = \"replicas\"\nuse = \"nuisance\"\n",
            "reference"));

    const auto record = finite_mc_record(fitted.alone, fitted.point, fitted.result, Log());

    REQUIRE(record.has_value());
    for (const std::string& warning : record->warnings) UNSCOPED_INFO(warning);
    UNSCOPED_INFO("sigma " << record->sigma << " fit " << record->fit_error);
    REQUIRE(changes_fit(record));
    const double carried = record->direction_sigma;
    const double rest = std::pow(record->sigma, 2) - std::pow(carried, 2);
    CHECK(carried <= record->sigma * (1.0 + 1e-12));
    CHECK(record->inflation ==
          Approx(1.0 + rest / (std::pow(record->fit_error, 2) + std::pow(carried, 2))));
    const StatisticalModel model = finite_mc_model(fitted.model, record);
    const LikelihoodData data =
        finite_mc_data(fitted.alone, fitted.campaign, fitted.model, fitted.ratios, record);
    const Likelihood likelihood(model, data, fitted.alone);
    const FitResult result = fit(likelihood, {}, Log());
    // The ratios are exact, so the samples close and alpha_mc stays at 0.
    const double error = find_fitted(result, "mu")->error;
    const double error_alpha = find_fitted(result, "alpha_mc")->error;
    CHECK(find_fitted(result, "mu")->value == Approx(1.0).epsilon(1e-4));
    CHECK(std::abs(find_fitted(result, "alpha_mc")->value) < 1e-4);
    CHECK(result.covariance[0][1] / (error_alpha * error_alpha) == Approx(carried).epsilon(1e-3));
    CHECK(error > 0.999 * record->fit_error);
    CHECK(error < std::hypot(record->fit_error, carried) * 1.01);
}
