// Blinding, injections and goodness of fit as they are stored and shown.
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "report/fit_text.hpp"
#include "report/report_html.hpp"
#include "report/report_sections.hpp"
#include "results/fit_json.hpp"
#include "results/gof_json.hpp"

#include "sample_record.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

Unblinding example_unblinding() {
    return {"2026-11-22T12:00:00Z", "anna@node7", "approved, \"at last\"", "0123", "4567", "89ab",
            "mu = 1.00 +- 0.31"};
}

FitRecord example_record() {
    FitRecord record = test::sample_record();
    record.injections = {{"mu = 2", "Asimov data from the samples at mu = 2", true, {}},
                         {"mu = 1 (S2)", "weighted events of sample S2 for mu = 1", false, {}}};
    record.injections[0].parameters = {{"mu", 2.0, 2.0 / 3.0, 0.25, 0.2, 0.3, -16.0 / 3.0}};
    record.injections[1].parameters = {{"kappa", 1.0, 1.5, 0.0, {}, {}, {}}};
    record.blinding = Blinding{"0123", example_unblinding()};
    return record;
}

GofRecord example_gof() {
    GofRecord record{"toy", "events of sample data", "mu", 1.0 / 3.0, 998, 2};
    record.tests = {
        {"SR", "mass", 12.5, 9.0, 0.187, 0.2, 0.012, {-1.0, 2.5}, {3, 4, 5}, {3.5, 4.1, 4.9}},
        {"", "all", 30.25, 27.0, 0.3, 0.31, 0.014}};
    return record;
}

}  // namespace

TEST_CASE("blinding and injections of a fit are read back as they were written", "[report]") {
    const FitRecord record = example_record();

    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(fit_json(read) == fit_json(record));
    CHECK(read.blinding == record.blinding);
    REQUIRE(read.injections.size() == 2);
    CHECK(read.injections[0].parameters[0].value == 2.0 / 3.0);
    CHECK(read.injections[0].parameters[0].error_high == 0.3);
    CHECK_FALSE(read.injections[1].converged);
    CHECK_FALSE(read.injections[1].parameters[0].pull.has_value());
    CHECK_FALSE(parse_fit_json(fit_json(test::sample_record())).blinding.has_value());
}

TEST_CASE("the record of unblindings is read back, another format is refused", "[report]") {
    const std::vector<Unblinding> all{example_unblinding(), example_unblinding()};

    CHECK(parse_unblindings(unblindings_json(all)) == all);
    CHECK_THROWS_WITH(parse_unblindings("{}"), Contains("unblinding.json"));
    CHECK_THROWS_AS(parse_unblindings(R"({"format": "else", "version": 1})"), DataError);
}

TEST_CASE("people see when and why data were looked at, and what was injected", "[report]") {
    FitRecord record = example_record();

    const std::string text = fit_text(record);

    CHECK_THAT(text, Contains("unblinded at 2026-11-22T12:00:00Z by anna@node7 because: approved, "
                              "\"at last\" (expected before: mu = 1.00 +- 0.31)"));
    CHECK_THAT(text, Contains("injected mu = 2: mu = 0.67 +- 0.25, pull -5.333"));
    CHECK_THAT(text, Contains("injected mu = 1 (S2): kappa = 1.5, NOT CONVERGED"));
    record.blinding->unblinding.reset();
    CHECK_THAT(fit_text(record), Contains("blind: the data have not been looked at"));
}

TEST_CASE("a goodness of fit is read back and shown in text and report", "[report]") {
    const GofRecord record = example_gof();

    const GofRecord read = parse_gof_json(gof_json(record));

    CHECK(gof_json(read) == gof_json(record));
    CHECK(read.tests[0].edges == record.tests[0].edges);
    CHECK(read.tests[1].observed.empty());
    CHECK_THAT(gof_text(record), Contains("998 toys at mu = 0.333333 (2 more did not converge)") &&
                                     Contains("0.2000 +- 0.0120"));
    ReportInputs inputs;
    inputs.fit = example_record();
    inputs.gof = record;
    CHECK_THAT(data_section(inputs), Contains("because: approved, &quot;at last&quot;") &&
                                         Contains("weighted events of sample S2") &&
                                         Contains("Goodness of fit, 998 toys"));
    inputs.gof->warnings = {"p-values are too small"};
    CHECK(parse_gof_json(gof_json(*inputs.gof)).warnings == inputs.gof->warnings);
    CHECK_THAT(gof_text(*inputs.gof), Contains("warning: p-values are too small"));
    CHECK_THAT(report_html(inputs, Plotter()), Contains("goodness of fit: p-values are too small"));
    inputs.fit = test::sample_record();
    inputs.gof.reset();
    CHECK_THAT(data_section(inputs), Contains(">SR</td>") && Contains("2700"));
    inputs.fit->samples.clear();
    CHECK(data_section(inputs).empty());
}
