#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/selection/selection_sums.hpp"

#include "example_campaign.hpp"
#include "selection_example.hpp"

using namespace ratiofarm;
using test::replaced;
using test::selection_toml;

namespace {

using Place = RegionCuts::Place;

Campaign parse(const std::string& toml) { return parse_campaign(toml, "/campaigns"); }

/// The example with a preselection, its bins along the score.
std::string scored(const std::string& keys) {
    std::string toml = replaced(selection_toml, "[[region]]\nname = \"SR\"",
                                "[preselection]\n" + keys + "\n[[region]]\nname = \"SR\"");
    toml = replaced(toml, "where = { x = [2.0, inf] }", "where = { score = [2.0, inf] }");
    return replaced(toml, "observable = \"x\"", "observable = \"score\"");
}

std::vector<std::string> mistakes_of(const std::string& toml) {
    return draft_campaign(toml, "/campaigns").mistakes;
}

/// The only mistake, without its place.
std::string mistake_of(const std::string& toml) {
    const auto mistakes = mistakes_of(toml);
    for (const auto& line : mistakes) UNSCOPED_INFO(line);
    REQUIRE(mistakes.size() == 1);
    const auto place = mistakes.front().find(": ");
    return mistakes.front().substr(place + 2);
}

}  // namespace

TEST_CASE("an event is in the region whose low <= x < high holds", "[selection]") {
    const RegionCuts cuts(parse(selection_toml));
    const auto place = [&](double x) { return cuts.place(std::vector<double>{x}); };

    REQUIRE(cuts.observables().size() == 1);
    CHECK(cuts.observables()[0].name == "x");
    CHECK(place(2.0) == Place{0, 0});
    CHECK(place(1e30) == Place{0, 0});
    CHECK(place(0.0) == Place{1, 0});
    CHECK(place(std::nextafter(1.0, 0.0)) == Place{1, 0});
    CHECK(place(1.0) == Place{1, 1});
    CHECK(place(std::nextafter(2.0, 0.0)) == Place{1, 1});
    CHECK(place(-1e-9) == std::nullopt);
    CHECK(place(std::numeric_limits<double>::quiet_NaN()) == std::nullopt);
}

TEST_CASE("bins may reach to infinity", "[selection]") {
    const RegionCuts cuts(parse(replaced(selection_toml, "[0.0, 1.0, 2.0]", "[-inf, 1.0, 2.0]")));

    CHECK(cuts.place(std::vector<double>{-1e30}) == Place{1, 0});
    // An infinite value, as of a score, is inside of an infinite limit.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(cuts.place(std::vector<double>{infinity}) == Place{0, 0});
    CHECK(cuts.place(std::vector<double>{-infinity}) == Place{1, 0});
    const std::string turned = replaced(replaced(selection_toml, "[2.0, inf]", "[-inf, 0.0]"),
                                        "[0.0, 1.0, 2.0]", "[0.0, 1.0, inf]");
    CHECK(RegionCuts(parse(turned)).place(std::vector<double>{infinity}) == Place{1, 1});
}

TEST_CASE("a region is selected by several observables at once", "[selection]") {
    const std::string toml = replaced(selection_toml, "where = { x = [2.0, inf] }",
                                      "where = { x = [2, inf], \"y z\" = [-1, 1] }");
    const RegionCuts cuts(parse(toml));

    REQUIRE(cuts.observables().size() == 2);
    CHECK(cuts.place(std::vector<double>{3.0, 0.0}) == Place{0, 0});
    CHECK(cuts.place(std::vector<double>{3.0, 1.0}) == std::nullopt);
    CHECK(cuts.place(std::vector<double>{1.5, 9.0}) == Place{1, 1});
}

TEST_CASE("the score is the logarithm of a ratio of weighted probabilities", "[selection]") {
    const Campaign campaign = parse(scored("weights = { S = 3.0, B = 0.5 }"));
    const PreselectionScores scores(campaign);
    const std::vector<double> log_s{std::log(0.2), std::log(0.8)};

    CHECK(scores.score(log_s) == Approx(std::log(3.0 * 0.2 / (0.5 * 0.8))));
    CHECK(scores.max_ratio(log_s) == Approx(0.8 / (0.5 * 0.2 + 0.5 * 0.8)));
    CHECK(scores.score(std::vector<double>{-1e4, 0.0}) == Approx(-1e4 + std::log(6.0)));
    CHECK(scores.max_ratio(std::vector<double>{-1e4, 0.0}) == Approx(2.0));
    SelectionObservable p{"p_B", SelectionObservable::Source::probability, 1};
    CHECK(scores.value(p, log_s) == Approx(0.8));
}

TEST_CASE("a class has the share of its processes in the reference", "[selection]") {
    std::string toml =
        scored("classes = { all = [\"S\", \"B\"], other = [\"C\"] }\nsignal = [\"all\"]");
    toml = replaced(toml, "[[systematic]]", "[[process]]\nname = \"C\"\n[[systematic]]");
    toml = replaced(toml, "{ S = 1, B = 1 }", "{ S = 1, B = 2 }");
    const PreselectionScores scores(parse(toml));

    CHECK(scores.max_ratio(std::vector<double>{std::log(0.1), std::log(0.9)}) == Approx(9.0));
}

TEST_CASE("the reference being thin splits the trained region", "[selection]") {
    const std::string toml = replaced(scored(""), "[reference]", "[reference]\nmax_ratio = 1.5");
    const RegionCuts cuts(parse(toml));

    REQUIRE(cuts.regions().size() == 3);
    CHECK(cuts.regions()[1].name == "SR_thin");
    REQUIRE(cuts.observables().size() == 2);
    const bool score_first = cuts.observables()[0].name == "score";
    const auto place = [&](double score, double ratio) {
        return cuts.place(score_first ? std::vector<double>{score, ratio}
                                      : std::vector<double>{ratio, score});
    };
    CHECK(place(3.0, 1.4) == Place{0, 0});
    CHECK(place(3.0, 1.5) == Place{1, 0});
    CHECK(place(0.5, 9.0) == Place{2, 0});
    CHECK(cuts.needs_scores());
}

TEST_CASE("every sample and column of weights is counted", "[selection]") {
    const Campaign campaign = parse(selection_toml);
    const RegionCuts cuts(campaign);
    std::vector<SampleSums> sums = empty_sums(campaign, cuts);

    std::vector<std::string> names;
    for (const auto& entry : sums) names.push_back(entry.sample + "/" + entry.weights);
    CHECK(names ==
          std::vector<std::string>{"S/", "S/t_up", "S/t_down", "B/", "data/", "B_up/", "B_down/"});
    test::count(sums, cuts, "B", "", {{2.5, 3.0}, {1.5, -2.0}, {1.2, 1.0, false}, {-7.0, 5.0}});
    const SampleSums& b = find_sums(sums, "B");
    CHECK(b.events == 4);
    CHECK(b.sum == 7.0);
    CHECK(b.inference_sum == 6.0);
    CHECK(b.nowhere == 1);
    CHECK(b.regions[0].sum == 3.0);
    CHECK(b.regions[1].sum == -1.0);
    CHECK(b.regions[1].events == 2);
    CHECK(b.regions[1].bins == std::vector<double>{0.0, -2.0});
    CHECK(b.regions[1].squares == std::vector<double>{0.0, 4.0});
    CHECK(b.regions[1].in_bin == std::vector<std::uint64_t>{0, 1});
    CHECK_THROWS_AS(find_sums(sums, "C"), DataError);
}

TEST_CASE("the range of the reference is its support", "[selection]") {
    const Campaign campaign = parse(selection_toml);
    FeatureRange range;
    for (const float x : {2.5F, 4.0F, 3.0F}) range.add(std::vector<float>{x});

    CHECK(range.outside(std::vector<float>{2.5F}) == std::nullopt);
    CHECK(range.outside(std::vector<float>{4.0F}) == std::nullopt);
    CHECK(range.outside(std::vector<float>{4.1F}) == 0);
    CHECK(FeatureRange{}.outside(std::vector<float>{4.1F}) == 0);
    CHECK(support_samples(campaign) == std::vector<std::string>{"S", "B"});
    CHECK_NOTHROW(expect_inside(campaign, range, {}));
    try {
        expect_inside(campaign, range, {{77, 0, 8.0}, {78, 0, 9.0}});
        FAIL("nothing was thrown");
    } catch (const DataError& error) {
        CHECK(
            std::string(error.what()) ==
            "sample 'data': 2 events of region 'SR' lie where the reference has no simulated "
            "event, "
            "so no ratio is known there; event 77 has x = 8.0, the reference reaches from 2.5 "
            "to 4.0 (cut the region to where the reference has events, add a process to "
            "reference.mixture that reaches there, or leave such events out, counted, with [data] "
            "outside = \"drop\")");
    }
    const Campaign lenient = parse(
        replaced(selection_toml, "sample = \"data\"", "sample = \"data\"\noutside = \"drop\""));
    CHECK_NOTHROW(expect_inside(lenient, range, {{77, 0, 8.0}}));
}

TEST_CASE("regions that an event could be in both of are refused", "[selection]") {
    CHECK(mistake_of(replaced(selection_toml, "x = [2.0, inf]", "x = [1.9, inf]"))
              .starts_with("region.CR (overlaps region 'SR': an event could be in both; separate "
                           "them in one observable with 'where'"));
    CHECK(mistake_of(replaced(selection_toml, "where = { x = [2.0, inf] }", ""))
              .starts_with("region.CR (overlaps region 'SR'"));
    CHECK(mistake_of(replaced(selection_toml, "x = [2.0, inf]", "y = [2.0, inf]"))
              .starts_with("region.CR (overlaps region 'SR'"));
    CHECK(mistake_of(replaced(selection_toml, "edges = [0.0, 1.0, 2.0]",
                              "edges = [0.0, 1.0, 2.0]\nwhere = { x = [3.0, 4.0] }"))
              .starts_with("region.CR (no event can be in it"));
}

TEST_CASE("an overlap with the thin part of a region is told once", "[selection]") {
    const std::string toml = replaced(scored(""), "[reference]", "[reference]\nmax_ratio = 1.5");

    CHECK(mistake_of(replaced(toml, "score = [2.0, inf]", "score = [1.0, inf]"))
              .starts_with("region.CR (overlaps region 'SR'"));
    CHECK(mistake_of(toml + "[[region]]\nname = \"mine\"\ntype = \"binned\"\nwhere = { score = "
                            "[2.0, inf], max_ratio = [1.5, inf] }\n")
              .starts_with("region.mine (overlaps region 'SR_thin'"));
}

TEST_CASE("mistakes of regions name the region, the value and what is allowed", "[selection]") {
    CHECK(mistake_of(replaced(selection_toml, "edges = [0.0, 1.0, 2.0]", "edges = [0.0, 2.0, 1.0]"))
              .starts_with("region.CR.edges = [0.0, 2.0, 1.0] (must be two or more ascending"));
    CHECK(mistake_of(replaced(selection_toml, "observable = \"x\"\n", "")) ==
          "region.CR.observable is missing (the observable of the edges, a column or \"score\")");
    CHECK(mistake_of(replaced(selection_toml, "x = [2.0, inf]", "x = [inf, 2.0]"))
              .starts_with("region.SR.where.x = [inf, 2.0] (must be [low, high] with low < high"));
    CHECK(mistake_of(replaced(selection_toml, "x = [2.0, inf]", "x = 2.0")) ==
          "region.SR.where.x = 2.0 (must be two limits, [700.0, inf])");
    CHECK(mistake_of(replaced(selection_toml, "where = { x = [2.0, inf] }",
                              "where = { x = [2.0, inf] }\nratios = \"r.h5\"")) ==
          "region.SR.where = { x = [2.0, inf] } (the ratio file of the region has its events "
          "selected already)");
    CHECK(mistake_of(selection_toml + "[[region]]\nname = \"SR2\"\nwhere = { x = [-9, -1] }\n")
              .starts_with("region (the unbinned regions 'SR', 'SR2' name no ratio file, but a "
                           "campaign trains at most one"));
    CHECK(mistake_of(selection_toml + "[[region]]\nname = \"C2\"\ntype = \"binned\"\nwhere = { x = "
                                      "[-3, -2] }\nobserved = [3]\n")
              .starts_with("region.C2.observed (the events of data.sample are counted"));
    CHECK(mistake_of(selection_toml +
                     "[[region]]\nname = \"C2\"\ntype = \"binned\"\nmc_stat = true\n"
                     "[[region.sample]]\nname = \"b\"\ncontents = [1]\n") ==
          "region.C2.mc_stat = true (only for a region that is filled with events; this one has "
          "contents)");
    CHECK(mistake_of(replaced(selection_toml, "sample = \"data\"",
                              "sample = \"data\"\noutside = \"dropp\"")) ==
          "data.outside = \"dropp\" (must be one of refuse, drop; did you mean 'drop'?)");
}

TEST_CASE("an observable that no column has is told with the nearest name", "[selection]") {
    const auto sample = [](const std::string& name, std::vector<std::string> columns) {
        SampleInfo info;
        info.name = name;
        info.column_names = std::move(columns);
        return info;
    };
    const Campaign campaign = parse(replaced(selection_toml, "x = [2.0, inf]",
                                             "x = [2.0, inf], maas = [0, 1], score = [0, 1]"));

    const auto lines =
        unknown_observables(campaign, {sample("S", {"x", "mass"}), sample("B", {"x", "mass"})});

    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "region.SR: there is no column 'maas' in the samples; did you mean 'mass'?");
    CHECK(lines[1] ==
          "region.SR: there is no column 'score' in the samples; a [preselection] gives it, "
          "but there is none");
    const auto some =
        unknown_observables(parse(selection_toml), {sample("S", {"x"}), sample("B_up", {"y"})});
    REQUIRE(some.size() == 2);
    CHECK(some[0] ==
          "region.SR: there is no column 'x' in sample 'B_up'; the other samples have one");
    CHECK(unknown_observables(parse(scored("")), {sample("S", {"x"})}).empty());
}

TEST_CASE("A label of no feature is named, with the nearest column", "[selection]") {
    SampleInfo sample;
    sample.column_names = {"x", "mass"};
    sample.columns.levels.names = {"true_mass"};
    Campaign campaign;
    campaign.labels.features = {{"mass", "m"}, {"true_mass", "m"}, {"maas", "m"}};

    const auto lines = unknown_labels(campaign, {sample});

    REQUIRE(lines.size() == 1);
    CHECK(lines[0] ==
          "labels.features.maas: there is no such column in the samples; did you mean 'mass'?");
    CHECK(unknown_labels(campaign, {}).empty());
}
