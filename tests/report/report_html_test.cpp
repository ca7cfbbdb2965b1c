#include "report/report_html.hpp"

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "report/fit_text.hpp"
#include "report/report_age.hpp"
#include "report/unfolding_plots.hpp"

#include "markup.hpp"
#include "sample_report.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using ratiofarm::test::markup_mistake;
using ratiofarm::test::sample_report;

namespace {

std::size_t count(const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        ++found;
    }
    return found;
}

}  // namespace

TEST_CASE("a result that a report does not show is told", "[report]") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    publish(directory.fit_json(), std::string_view("one"));
    CHECK(newer_than_report(directory).empty());  // there is no report
    ReportInputs inputs = sample_report(100);
    publish(directory.report(), report_html(inputs, Plotter()));
    CHECK(newer_than_report(directory).empty());  // of a version that did not say
    inputs.shown = shown_results(directory);
    publish(directory.report(), report_html(inputs, Plotter()));
    CHECK(newer_than_report(directory).empty());

    publish(directory.fit_json(), std::string_view("two"));
    publish(directory.gof_json(), std::string_view("three"));

    CHECK(newer_than_report(directory) == std::vector<std::string>{"fit.json", "gof.json"});
    CHECK_THAT(old_report_text(newer_than_report(directory)),
               Contains("older than fit.json and gof.json: 'ratiofarm report'"));
    CHECK(old_report_text({}).empty());
}

TEST_CASE("the checker of markup sees a mistake", "[report]") {
    CHECK_FALSE(markup_mistake("<p>a <b>c</b><br/></p>").has_value());
    CHECK(markup_mistake("<p>a <b>c</p></b>").has_value());
    CHECK(markup_mistake("<p>").has_value());
}

TEST_CASE("nets that are trained are shown before there is a fit", "[report]") {
    ReportInputs inputs = sample_report(1000);
    inputs.fit.reset();
    inputs.under_way = {{"S", *inputs.processes[0].ensemble}};
    inputs.processes.clear();
    inputs.farms_at_work = {"2 of 6 done"};
    inputs.ensembles[0].planned = 4;
    inputs.ensembles[0].features = {"pt", "mass"};
    inputs.ensembles[0].failures = {"S/member 1: no net passed its gates"};

    const std::string page = report_html(inputs, Plotter());

    CHECK_FALSE(markup_mistake(page).has_value());
    CHECK_THAT(page, Contains("a farm is at work, and this page is what there was then: 2 of 6"));
    CHECK_THAT(page, Contains("2 trained for 4"));
    CHECK_THAT(page, Contains("2.20 % in mass"));
    CHECK_THAT(page, Contains("</span> excess"));
    CHECK(count(page, "S/member 1") > 1);
    CHECK(count(page, "<section id=\"result\">") == 0);
}

TEST_CASE("a search is shown with a picture of each key, its rungs and its front", "[report]") {
    const auto trial = [](const char* rate, const char* net, std::vector<double> objectives) {
        SearchRecord::Trial made{{{"training.learning_rate", rate}, {"network.hidden", net}}, {}};
        for (const double objective : objectives) made.rungs.push_back({objective, 2.0, 1.0});
        return made;
    };
    SearchRecord search;
    search.objective = "closure";
    search.second_objective = "excess";
    search.sampler = SearchSampler::tpe;
    search.epochs = {3, 9};
    const double failed = std::numeric_limits<double>::infinity();
    search.trials = {trial("0.001", "[8]", {0.5, 0.4}), trial("0.1", "[8, 8]", {0.6}),
                     trial("0.01", "[8]", {failed}), trial("0.002", "[8, 8]", {0.4, 0.3})};
    search.decisions = {{{0, 0}, 0, 1}, {{1, 0}, 0, 1}, {{2, 0}, 1, 2},
                        {{3, 0}, 1, 2}, {{0, 1}, 2, 3}, {{3, 1}, 2, 3}};
    search.best = {3, 1};
    search.front = {3};
    search.importance = parameter_importance(search);
    search.flop = 6.0;
    search.grid_flop = 8.0;
    ReportInputs inputs = sample_report(1000);
    inputs.search = search;
    const Plotter plotter;

    const std::string page = report_html(inputs, plotter);

    CHECK_FALSE(markup_mistake(page).has_value());
    CHECK_THAT(page, Contains("Trial 3 was the best of 4 (sampler: tpe)"));
    if (!plotter.available()) return;
    for (const char* caption :
         {"The best so far", "training.learning_rate, which explains", "network.hidden, which",
          "Settings of the trials", "Trials from rung to rung", "closure against excess"}) {
        CHECK_THAT(page, Contains(caption));
    }
    CHECK(count(page, "not drawn") == 0);
}

TEST_CASE("the report is one well-formed page without outside resources", "[report]") {
    const Plotter plotter;
    REQUIRE(plotter.available());

    const std::string page = report_html(sample_report(2000), plotter);

    CHECK(markup_mistake(page).value_or("") == "");
    // scan, ranking, correlations, contour, limits, closure, calibration, log r, losses, nets,
    // scores
    CHECK(count(page, "<svg") == 11);
    CHECK(plotter.warnings().empty());
    CHECK(count(page, "not drawn") == 0);
    CHECK(count(page, "<script") == 0);
    CHECK(count(page, " src=") == 0);
    CHECK(count(page, "url(http") == 0);
    CHECK(count(page, "<link") == 0);
}

TEST_CASE("every plot of the report is a file of each format", "[report]") {
    const test::TemporaryDirectory folder;
    const Plotter plotter = Plotter().into(folder / "plots");

    report_html(sample_report(500), plotter);

    CHECK(plotter.warnings().empty());
    std::map<std::string, std::string> begins{{".pdf", "%PDF-"}, {".png", "\x89PNG"}};
    std::map<std::string, int> files;
    for (const auto& file : std::filesystem::directory_iterator(folder / "plots")) {
        const std::string text = read_text(file.path());
        const std::string ending = file.path().extension().string();
        CAPTURE(file.path().string());
        ++files[ending];
        CHECK(text.starts_with(begins[ending]));
        if (ending == ".svg")
            CHECK(markup_mistake(text.substr(text.find("<svg"))).value_or("") == "");
    }
    CHECK(files == std::map<std::string, int>{{".pdf", 11}, {".png", 11}, {".svg", 11}});
}

TEST_CASE("ids in the report are unique", "[report]") {
    const std::string page = report_html(sample_report(500), Plotter());

    std::set<std::string> ids;
    std::size_t found = 0;
    for (const char quote : {'"', '\''}) {
        const std::string opening = std::string(" id=") + quote;
        for (std::size_t at = page.find(opening); at != std::string::npos;
             at = page.find(opening, at + 1)) {
            const std::size_t start = at + opening.size();
            ids.insert(page.substr(start, page.find(quote, start) - start));
            ++found;
        }
    }

    CHECK(found > 20);
    CHECK(ids.size() == found);
}

TEST_CASE("without gnuplot the report says so and keeps every table", "[report]") {
    const ReportInputs inputs = sample_report(500);
    const Plotter missing("no-such-gnuplot");

    const std::string page = report_html(inputs, missing);

    CHECK_FALSE(missing.available());
    CHECK(markup_mistake(page).value_or("") == "");
    CHECK(count(page, "<svg") == 0);
    CHECK(count(page, "no plots: the program &#39;no-such-gnuplot&#39; was not found") == 1);
    const std::string with_plots = report_html(inputs, Plotter());
    CHECK(count(page, "<table") == count(with_plots, "<table"));
}

TEST_CASE("numbers in the report are those of its inputs", "[report]") {
    ReportInputs inputs = sample_report(500);
    inputs.processes[0].normalisation = {.deviation = 0.0234, .error = 0.0011, .gate = 0.01};
    inputs.processes[0].closures[0].closure.agreement.chi2 = 41.25;
    inputs.processes[0].closures[0].closure.agreement.ndf = 39;

    const std::string page = report_html(inputs, Plotter("no-such-gnuplot"));

    CHECK_THAT(page, Contains("1.03 \u00b1 0.48"));
    CHECK_THAT(page, Contains("+2.340 %"));
    CHECK_THAT(page, Contains("<span class=\"pill check\">check</span>"));
    CHECK_THAT(page, Contains(">41.2 / 39</td>"));
    CHECK_THAT(page, Contains("720000"));
    CHECK_THAT(page, Contains("5 min 12 s"));
    CHECK_THAT(page, Contains("1.00012"));
    CHECK_THAT(page, Contains("0.477585"));
    CHECK_THAT(page, Contains("Upper limits on mu at 90 % CLs"));
    CHECK_THAT(page, Contains(">0.3333</td>") && Contains(">-0.6667</td>"));
    CHECK_THAT(page, Contains(">NOT CONVERGED</td>"));  // the second point of the scan
}

TEST_CASE("the parts of the error are all there, and it is said what is in none", "[report]") {
    ReportInputs inputs = sample_report(500);
    FitRecord& record = *inputs.fit;
    record.shapes.left_out_error = 0.12;
    record.shapes.noise_error = 0.34;
    record.fit.breakdown.total = 0.6161;

    const auto page = [&] { return report_html(inputs, Plotter("no-such-gnuplot")); };

    for (const char* row : {"statistical", "systematic", "of it theory", "shapes left out",
                            "noise of shapes", "total"}) {
        CHECK_THAT(page(), Contains(fmt::format("<td>{}</td>", row)));
    }
    CHECK_THAT(page(),
               Contains(">0.12</td>") && Contains(">0.34</td>") && Contains(">0.6161</td>"));
    CHECK_THAT(page(), Contains("alpha_mc holds 0.07, which is in them."));

    record.finite_mc->use = FiniteMcUse::report;
    CHECK_THAT(page(), Contains("events, 0.1, is not in them; with it the error is 0.41."));

    record.finite_mc.reset();
    record.fit.impacts.clear();  // the parts for shapes exist without another parameter
    CHECK_THAT(page(), Contains("<td>noise of shapes</td>") && Contains("[finite_mc] estimates"));
}

TEST_CASE("the report shows single nets and those that were excluded", "[report]") {
    const std::string page = report_html(sample_report(500), Plotter("no-such-gnuplot"));

    CHECK_THAT(page, Contains("1.23 % \u00b1 0.31 %"));
    CHECK_THAT(page, Contains("-4.56 % \u00b1 0.31 %"));
    CHECK_THAT(page, Contains(">1.23 %, 4.56 %<"));  // lower median and worst of |E[r] - 1|
    CHECK_THAT(page, Contains("S/member 1 &lt;first&gt;"));
    CHECK_THAT(page, Contains("S/member 1: constant = 0"));
    CHECK_THAT(page, Contains(">0.0321<"));
}

TEST_CASE("text from the user cannot break the page", "[report]") {
    const std::string page = report_html(sample_report(500), Plotter("no-such-gnuplot"));

    CHECK(count(page, "<toy>") == 0);
    CHECK_THAT(page, Contains("interference &lt;toy&gt;"));
    CHECK_THAT(page, Contains("3 members &amp; one is slow"));
}

TEST_CASE("a report without a fit says what is missing", "[report]") {
    ReportInputs inputs;
    inputs.campaign = "young";

    const std::string page = report_html(inputs, Plotter("no-such-gnuplot"));

    CHECK(markup_mistake(page).value_or("") == "");
    CHECK_THAT(page, Contains("there is no fit yet"));
}

namespace {

ReportInputs unfolded_report() {
    constexpr double inf = std::numeric_limits<double>::infinity();
    UnfoldedObservable pt;
    pt.column = "pt";
    pt.reco = "pt_reco";
    pt.edges = {-inf, 1.0, inf};
    pt.prior = {40.0, 60.0};
    pt.unfolded = {50.0, 70.0};
    pt.error = {5.0, 7.0};
    pt.covariances = {{"data", 20, {{25.0, 7.0}, {7.0, 49.0}}}};
    pt.total = pt.covariances[0].rows;
    for (std::uint32_t n = 1; n <= 2; ++n) {
        UnfoldIteration& at = pt.iterations.emplace_back();
        at.iteration = n;
        at.contents = pt.unfolded;
        at.discriminator = 2.0;
        at.wasserstein = 0.1;
        at.refolded = {30.0, 30.0};
        at.refolding_chi2 = ChiSquare{.value = 12.25, .rank = 2, .factor = 1.0, .p_value = 0.5};
    }
    pt.data = {30.0, 31.0};
    pt.data_error = {5.0, 5.5};
    pt.simulation = {20.0, 25.0};
    pt.compared = {{"herwig", {48.0, 71.0}, {1.0, 1.0}, ChiSquare{3.5, 2, 0.9, 0.17}}};
    ReportInputs inputs;
    inputs.campaign = "jets";
    inputs.unfolds = true;
    UnfoldRecord& record = inputs.unfolding.emplace();
    record.iterations = 2;
    record.yield = 120.0;
    record.progress = {{.iteration = 1, .yield = 119.0}, {.iteration = 2, .trained_again = 3}};
    record.observables = {pt};
    record.ln_nu = NuDistribution{{-1.0, 0.0, 1.0}, {0.25, 0.75}};
    record.warnings = {"a few events carry the result"};
    return inputs;
}

}  // namespace

TEST_CASE("an unfolding is shown in place of a fit", "[report]") {
    const ReportInputs inputs = unfolded_report();

    const std::string page = report_html(inputs, Plotter());

    CHECK_FALSE(markup_mistake(page).has_value());
    CHECK_THAT(page, Contains("<section id=\"unfolding\">"));
    CHECK_THAT(page, Contains("a few events carry the result"));
    CHECK_THAT(page, Contains("3.5 / 2 (p = 0.17)"));
    CHECK_THAT(page, Contains("12.25 / 2"));
    CHECK_THAT(page, Contains("&gt;= 1"));
    CHECK(count(page, "there is no fit") == 0);
    const std::size_t pictures = Plotter().available() ? 10 : 0;
    CHECK(count(page, "<figure") == pictures);
}

TEST_CASE("the axis of an unfolding's ratios is hardly wider than they are", "[report]") {
    UnfoldedObservable pt = unfolded_report().unfolding->observables[0];  // unfolded {50, 70}
    const auto top = [&] { return truth_plot(pt, "pt").panels[1].y.high.value(); };

    pt.prior = {75.0, 70.0};
    CHECK(top() == Approx(1.6));
    pt.prior = {52.0, 70.0};
    pt.error = {4.0, 6.0};
    CHECK(top() == Approx(1.1));  // by the errors
    pt.prior = {500.0, 70.0};
    CHECK(top() == Approx(2.0));
}

TEST_CASE("a chi2 far above its degrees of freedom is marked", "[report]") {
    ReportInputs inputs = unfolded_report();
    UnfoldedObservable& pt = inputs.unfolding->observables[0];
    const auto verdict_of_row = [&](const std::string& between) {
        const std::string page = report_html(inputs, Plotter("no-such-gnuplot"));
        const std::size_t row = page.find(between + "</td>");
        const std::size_t last = page.find("<td>", page.find("class=\"n\"", row));
        return page.substr(last, page.find("</tr>", last) - last);
    };

    CHECK_THAT(verdict_of_row("unfolded and herwig"), Contains(">agrees<"));
    CHECK_THAT(verdict_of_row("data and weighted simulation, measured"), Contains(">check<"));

    pt.compared[0].chi2->value = 8.1;  // 2 + 3 sqrt(4) is 8
    CHECK_THAT(verdict_of_row("unfolded and herwig"), Contains(">check<"));

    pt.compared[0].chi2->p_value = std::nan("");
    CHECK_THAT(verdict_of_row("unfolded and herwig"), Contains(">too few replicas<"));

    pt.bottom_line = BottomLine{{100.0, 2, 1.0, 0.0}, {105.0, 2, 1.0, 0.0}};
    CHECK_THAT(verdict_of_row("(at most the one before)"), Contains(">agrees<"));
    pt.bottom_line->truth.value = 107.0;
    CHECK_THAT(verdict_of_row("(at most the one before)"), Contains(">check<"));
}

TEST_CASE("a matrix of many parameters scrolls on a narrow screen", "[report]") {
    ReportInputs inputs = unfolded_report();
    UnfoldedObservable& pt = inputs.unfolding->observables[0];
    const auto matrices = [&] {
        return count(report_html(inputs, Plotter()), "<figure class=\"matrix\">");
    };
    CHECK(matrices() == 0);

    constexpr std::size_t bins = 9;
    pt.edges.clear();
    for (std::size_t i = 0; i <= bins; ++i) pt.edges.push_back(static_cast<double>(i));
    pt.prior = pt.unfolded = pt.error = std::vector<double>(bins, 1.0);
    pt.total.assign(bins, std::vector<double>(bins, 0.5));
    pt.covariances[0].rows = pt.total;
    for (UnfoldIteration& at : pt.iterations) at.contents = at.refolded = pt.unfolded;
    pt.data.clear();
    pt.compared.clear();

    CHECK(matrices() == 1);
}

TEST_CASE("the report and the text of a fit have one ratio of errors", "[report]") {
    ReportInputs inputs = sample_report(500);
    const FitRecord& record = *inputs.fit;
    const double ratio = error_ratio(record.fit, record.comparisons[0].fit.parameters[0]).value();
    CHECK(ratio == record.fit.breakdown.statistical_frozen / 0.47);

    const std::string page = report_html(inputs, Plotter("no-such-gnuplot"));

    const std::string shown = fmt::format("{:.4f}", ratio);
    CHECK_THAT(page, Contains("<th class=\"n\">" + error_ratio_name(record.fit) + "</th>"));
    CHECK_THAT(page, Contains(">" + shown + "</td>"));
    CHECK_THAT(fit_text(record), Contains(error_ratio_name(record.fit) + " = " + shown));
}

TEST_CASE("a report before the unfolding says that there is none", "[report]") {
    ReportInputs inputs = unfolded_report();
    inputs.unfolding.reset();

    const std::string page = report_html(inputs, Plotter());

    CHECK_THAT(page, Contains("there is no unfolding yet of this campaign"));
    CHECK(count(page, "<section id=\"unfolding\">") == 0);
}
