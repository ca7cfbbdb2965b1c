#include "report/collect_report_inputs.hpp"

#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "report/report_html.hpp"

#include "mixture_run.hpp"

using namespace ratiofarm;
using ratiofarm::test::MixtureRun;
using ratiofarm::test::TemporaryDirectory;

TEST_CASE("exact ratios read from files pass every check", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 20000);

    const ReportInputs inputs = collect_report_inputs(run.sources());

    REQUIRE(inputs.processes.size() == 2);
    for (const ProcessSummary& process : inputs.processes) {
        INFO(process.name);
        CHECK(process.reference_fraction == 0.5);
        REQUIRE(process.closures.size() == 2);
        for (const FeatureClosure& feature : process.closures) {
            const auto ndf = static_cast<double>(feature.closure.agreement.ndf);
            CHECK(feature.closure.agreement.ndf == feature.closure.binning.bins() - 1);
            CHECK(std::abs(feature.closure.agreement.chi2 - ndf) < 4.5 * std::sqrt(2.0 * ndf));
        }
        REQUIRE(process.calibration.has_value());
        CHECK(process.calibration->agreement.chi2 < 20.0 + 4.5 * std::sqrt(40.0));
        CHECK(process.score_closure.value().agreement.rest < 0.03);
    }
    CHECK(inputs.identity.value().rms < 0.01);
    CHECK(inputs.warnings.empty());
}

TEST_CASE("a common factor of the ratios shows before normalisation only", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 5000);

    const ReportInputs inputs = collect_report_inputs(run.sources());

    for (const ProcessSummary& process : inputs.processes) {
        CHECK(std::abs(process.normalisation.deviation - (MixtureRun::factor - 1.0)) <
              4.0 * process.normalisation.error);
        CHECK(process.log_z == Approx(std::log1p(process.normalisation.deviation)).margin(1e-6));
        REQUIRE(process.accuracy.has_value());
        CHECK(process.accuracy->slope == Approx(1.0).margin(1e-4));
        CHECK(process.accuracy->rms == Approx(std::abs(process.accuracy->mean)).margin(1e-4));
        CHECK(process.accuracy->mean ==
              Approx(std::log(MixtureRun::factor) - process.log_z).margin(1e-5));
    }
    CHECK(inputs.identity_mean_before.value() == Approx(MixtureRun::factor).margin(1e-4));
}

TEST_CASE("training histories and the fit are read from their files", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);

    const ReportInputs inputs = collect_report_inputs(run.sources());

    const EnsembleSummary& ensemble = inputs.processes[0].ensemble.value();
    CHECK(ensemble.members.size() == 2);
    CHECK(ensemble.members[1].validation_loss == std::vector<double>{0.7, 0.5});
    CHECK(ensemble.training_events == 4321);
    CHECK(ensemble.spread == Approx(0.25));
    CHECK_FALSE(inputs.processes[1].ensemble.has_value());
    CHECK(inputs.fit.value().campaign == "interference");
    CHECK(inputs.stages.size() == 1);
}

TEST_CASE("the report of a run is drawn without a gap", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);

    const std::string page = report_html(collect_report_inputs(run.sources()), Plotter());

    CHECK(page.find("not drawn") == std::string::npos);
    CHECK(page.find("x_squared") != std::string::npos);
}

TEST_CASE("without the events file the closure in features is missed in words", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);
    ReportSources sources = run.sources();
    sources.samples.clear();

    const ReportInputs inputs = collect_report_inputs(sources);

    CHECK(inputs.processes[0].closures.empty());
    CHECK(inputs.processes[0].score_closure.has_value());
    REQUIRE(inputs.warnings.size() == 1);
    CHECK(inputs.warnings[0].find("no closure in the features") != std::string::npos);
}

TEST_CASE("a run without ratios has a report that says so", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);
    ReportSources sources = run.sources();
    std::filesystem::remove(sources.ratios);
    std::filesystem::remove(sources.directory.fit_json());

    const ReportInputs inputs = collect_report_inputs(sources);

    CHECK_FALSE(inputs.fit.has_value());
    CHECK(inputs.processes.empty());
    REQUIRE(inputs.warnings.size() == 1);
    CHECK(inputs.warnings[0].find("does not exist yet") != std::string::npos);
}

TEST_CASE("ratios that do not exist are asked for by --ratios", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);
    const ReportSources sources = run.sources();
    std::filesystem::remove(sources.ratios);

    const ReportInputs inputs = collect_report_inputs(sources);

    REQUIRE(inputs.warnings.size() == 1);
    CHECK(inputs.warnings[0].find("reported with the same --ratios") != std::string::npos);
}

TEST_CASE("a process without density in places has every check, and a count", "[report]") {
    const TemporaryDirectory folder;
    MixtureRun run(folder.path(), 2000);
    run.write_ratios_without_left_above(0.0);

    const ReportInputs inputs = collect_report_inputs(run.sources());
    const std::string page = report_html(inputs, Plotter());

    const ProcessSummary& left = inputs.processes[0];
    CHECK(left.score_closure.has_value());
    CHECK(left.zero_ratios > 500);
    CHECK(left.zero_ratios < left.seen_events);
    for (const double edge : left.ratios.value().binning.edges()) CHECK(std::isfinite(edge));
    CHECK(inputs.processes[1].zero_ratios == 0);
    CHECK(page.find(std::to_string(left.zero_ratios) + " of " + std::to_string(left.seen_events) +
                    " events") != std::string::npos);
    CHECK(page.find(">nan") == std::string::npos);
}

TEST_CASE("a damaged file costs a report that is asked for its part only", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);
    ReportSources sources = run.sources();
    sources.on_damage = OnDamage::leave_out;
    const std::pair<std::filesystem::path, const char*> files[] = {
        {sources.directory.fit_json(), "'ratiofarm fit' makes it again"},
        {sources.directory.search_json(), "'ratiofarm search' makes it again"},
        {sources.ratios, "'ratiofarm infer' makes it again"}};
    const auto& [path, cure] = files[GENERATE(0, 1, 2)];
    publish(path, std::string_view("{\"schema\": \"ratio"));

    const ReportInputs inputs = collect_report_inputs(sources);

    REQUIRE(inputs.warnings.size() == 1);
    CHECK(inputs.warnings[0].find(path.filename().string()) != std::string::npos);
    CHECK(inputs.warnings[0].find(cure) != std::string::npos);
    CHECK(inputs.fit.has_value() == (path != sources.directory.fit_json()));
    CHECK(inputs.processes.empty() == (path == sources.ratios));
}

TEST_CASE("a damaged fit file is an error of the run, not a gap", "[report]") {
    const TemporaryDirectory folder;
    const MixtureRun run(folder.path(), 2000);
    const ReportSources sources = run.sources();
    publish(sources.directory.fit_json(), std::string_view("{\"schema\": \"ratio"));

    CHECK_THROWS_AS(collect_report_inputs(sources), DataError);
}
