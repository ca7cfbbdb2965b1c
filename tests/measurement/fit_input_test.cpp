// What enters the likelihood: which rows, with which weights.
#include "measurement/fit_input.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "measurement/injection_fits.hpp"
#include "measurement/used_samples.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const std::string campaign_text = R"toml(
[campaign]
name = "fit"
[parameters.mu]
range = [0, 10]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[[systematic]]
name = "scale"
yield = { S = { up = 1.2, down = 0.8 } }
shape = ["S"]
)toml";

constexpr std::uint64_t events_of_s = 5000;
constexpr std::uint64_t events_of_b = 300;
constexpr std::uint64_t events_of_data = 40;

float log_g(std::uint64_t row, bool up) {
    return static_cast<float>((up ? 0.2 : -0.3) * std::sin(0.01 * static_cast<double>(row)));
}

void write_example(const std::filesystem::path& path,
                   bool with_reference,
                   double data_weight = 1.0) {
    RatioSetsInput input;
    input.header.processes = {{"S", 10.0, {}}, {"B", 90.0, {}}};
    input.header.shape_norm = ShapeNorm::none;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.header.shapes = {{"B", "alpha_other"}, {"S", "alpha_scale"}};
    if (with_reference) input.header.reference = {{"S", "S", 0.25}, {"B", "B", 0.75}};
    input.sets = {{"S", events_of_s}, {"B", events_of_b}, {"data", events_of_data}};
    input.rows = [data_weight](std::size_t set, Range rows) {
        RatioSetRows values;
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            values.id.push_back(row);
            values.weight.push_back(set == 2 ? data_weight : set == 0 ? 2.0 : 3.0);
            values.log_r.push_back(0.0F);
            values.log_r.push_back(0.5F);
            values.log_g_up.push_back(9.0F);  // of alpha_other, which nothing reads
            values.log_g_down.push_back(9.0F);
        }
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            values.log_g_up.push_back(log_g(row, true));
            values.log_g_down.push_back(log_g(row, false));
        }
        return values;
    };
    write_ratio_sets(path, input);
}

/// The whole list of the only unbinned region.
EventSet load(const std::string& more,
              const std::filesystem::path& path,
              StatisticalModel* model_used = nullptr) {
    const Campaign campaign = parse_campaign(campaign_text + more, ".");
    const RatioFiles ratios = open_ratio_files(campaign, path);
    const StatisticalModel model = model_for_ratios(campaign, ratios);
    const mpi::Communicator alone;
    const LikelihoodData data = load_data(alone, campaign, model, ratios);
    if (model_used != nullptr) *model_used = model;
    return data.unbinned.at(0).read({0, data.unbinned[0].total});
}

}  // namespace

TEST_CASE("observed events with other weights than 1 are refused", "[measurement]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true, 2.2);

    CHECK_THROWS_WITH(load("[data]\nsample = \"data\"\n", folder / "r.h5"),
                      Contains("row 0 of the observed events of sample 'data' has weight 2.2"));
}

TEST_CASE("the simulated events of a fit are counted with their worth and their doubts",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    auto signed_b = test::example_set("B", {400, 800, 800});
    for (std::size_t i = 0; i < 350; ++i) signed_b.weights[1][i] = -1.0;
    for (std::size_t i = 0; i < 300; ++i) signed_b.weights[2][i] = -1.0;
    auto one = test::example_set("S", {300, 200, 100});
    one.weights[0][7] = 90.0;
    auto example = test::example_ratios(one, signed_b, test::example_set("data", {90, 60, 50}));
    example.header.shape_norm = ShapeNorm::reference;
    example.log_r = [](std::size_t j, std::size_t) { return j == 0 ? std::log(1.2) : 0.0; };
    test::write_example(folder.path(), example);
    const Campaign campaign = parse_campaign(
        test::example_campaign_text("[data]\nsample = \"data\"\n", "reference"), folder.path());
    const RatioFiles ratios = open_ratio_files(campaign, folder / "ratios.h5");

    const UsedSamples used = used_samples(campaign, model_for_ratios(campaign, ratios), ratios);

    REQUIRE(used.samples.size() == 2);  // not the data
    CHECK(used.samples[0].sample == "S");
    CHECK(used.samples[1].negative == 650);
    CHECK(used.samples[1].events == 2000);
    CHECK(used.samples[1].effective_events == Approx(700.0 * 700.0 / 2000.0));
    REQUIRE(used.warnings.size() == 4);
    CHECK_THAT(used.warnings[0], Contains("sample 'S': row 7 has weight") && Contains("13 %"));
    CHECK_THAT(used.warnings[1], Contains("sample 'S': 600 events are worth only"));
    CHECK_THAT(used.warnings[2], Contains("'B': 2000 events are worth only 245 of weight 1"));
    CHECK_THAT(used.warnings[3], Contains("process 'S' average to 1.2000"));
}

TEST_CASE("data that were read twice are told from events that are alike", "[measurement]") {
    const auto warnings_of_reference = [](const std::array<std::size_t, test::n_bins>& events) {
        const test::TemporaryDirectory folder;
        auto example = test::example_ratios(test::example_set("S", events, 60.0),
                                            test::example_set("B", events, 60.0),
                                            test::example_set("data", {10, 10, 12}));
        example.log_r = [](std::size_t, std::size_t bin) { return 0.01 * (double(bin) - 1.0); };
        test::write_example(folder.path(), example);
        const Campaign campaign = parse_campaign(test::example_campaign_text(), folder.path());
        const RatioFiles ratios = open_ratio_files(campaign, folder / "ratios.h5");
        return used_samples(campaign, model_for_ratios(campaign, ratios), ratios).warnings;
    };

    const auto copies = warnings_of_reference({1, 1, 1});  // no simulated event has a twin
    REQUIRE_FALSE(copies.empty());
    CHECK_THAT(copies.back(), Contains("29 of the 32 events of sample 'data'"));
    for (const std::string& warning : warnings_of_reference({20, 20, 20})) {
        CHECK_THAT(warning, !Contains("read twice"));
    }
}

TEST_CASE("Asimov data from the reference close where the file is not normalised",
          "[measurement]") {
    const test::TemporaryDirectory folder;
    auto example = test::example_ratios(test::example_set("S", {300, 200, 100}),
                                        test::example_set("B", {100, 200, 300}),
                                        test::example_set("data", {90, 60, 50}));
    example.log_r = [](std::size_t j, std::size_t b) {  // S averages to 1.4, B to 1
        return j == 0 ? std::log(0.4 + static_cast<double>(b)) : 0.0;
    };
    test::write_example(folder.path(), example);
    const auto sum_of_weights = [&](const std::string& shape_norm) {
        const Campaign campaign = parse_campaign(
            test::example_campaign_text("[data]\nasimov = { mu = 2.0, source = \"reference\" }\n",
                                        shape_norm),
            folder.path());
        const RatioFiles ratios = open_ratio_files(campaign, folder / "ratios.h5");
        const LikelihoodData data =
            load_data(mpi::Communicator(), campaign, model_for_ratios(campaign, ratios), ratios);
        const EventSet events = data.unbinned.at(0).read({0, data.unbinned[0].total});
        return std::accumulate(events.weight.begin(), events.weight.end(), 0.0);
    };

    CHECK(sum_of_weights("reference") == Approx(2.0 * 100.0 + 100.0).epsilon(1e-12));
    CHECK(sum_of_weights("none") == Approx(2.0 * 140.0 + 100.0).epsilon(1e-6));
}

TEST_CASE("Asimov data from samples have the rates as sums and the reference beside them",
          "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);

    const EventSet events = load("[data]\nasimov = { mu = 2.0 }\n", folder / "r.h5");

    REQUIRE(events.size() == events_of_s + events_of_b);
    CHECK(events.shapes == std::vector<ShapeColumn>{{"S", "alpha_scale"}});
    const double n_s = static_cast<double>(events_of_s);
    const double n_b = static_cast<double>(events_of_b);
    for (const std::uint64_t i : {std::uint64_t{0}, events_of_s - 1}) {
        CHECK(events.weight[i] == Approx(2.0 * 10.0 / n_s).epsilon(1e-13));
        CHECK(events.reference[i] == Approx(0.25 / n_s).epsilon(1e-13));
    }
    CHECK(events.weight[events_of_s] == Approx(90.0 / n_b).epsilon(1e-13));
    CHECK(events.reference[events_of_s] == Approx(0.75 / n_b).epsilon(1e-13));
    CHECK(events.log_r[1] == 0.5);
    CHECK(events.log_g[17] == log_g(17, true));
    CHECK(events.log_g[events.size() + 17] == log_g(17, false));
}

TEST_CASE("data have weight one, and the reference follows without weight", "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);

    const EventSet events = load("[data]\nsample = \"data\"\n", folder / "r.h5");

    REQUIRE(events.size() == events_of_data + events_of_s + events_of_b);
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        const bool is_data = i < events_of_data;
        if (events.weight[i] != (is_data ? 1.0 : 0.0) || (events.reference[i] == 0.0) != is_data) {
            FAIL("event " << i);
        }
    }
}

TEST_CASE("Asimov data away from the nominal point carry the shape in their weights",
          "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);
    StatisticalModel model;

    const EventSet events =
        load("[data]\nasimov = { mu = 1.0, alpha_scale = 0.6 }\n", folder / "r.h5", &model);

    const double rate = 10.0 * interpolate(Interpolation::code4, {1.2, 0.8}, 0.6).value;
    std::vector<double> g;
    double sum = 0.0;
    for (std::uint64_t row = 0; row < events_of_s; ++row) {
        const Anchors anchors{std::exp(double{log_g(row, true)}),
                              std::exp(double{log_g(row, false)})};
        g.push_back(interpolate(Interpolation::code4, anchors, 0.6).value);
        sum += g.back();
    }
    for (const std::uint64_t row : {0U, 150U, 4999U}) {
        CHECK(events.weight[row] == Approx(rate * g[row] / sum).epsilon(1e-12));
    }
    CHECK(events.reference[7] == Approx(0.25 / 5000.0).epsilon(1e-13));
    CHECK(model.parameters[1].constraint.observed == 0.6);
}

TEST_CASE("any cut into ranges reads the same events", "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);
    const EventSet whole = load("", folder / "r.h5");
    const Campaign campaign = parse_campaign(campaign_text, ".");
    const RatioFiles ratios = open_ratio_files(campaign, folder / "r.h5");
    const LikelihoodData data =
        load_data(mpi::Communicator(), campaign, model_for_ratios(campaign, ratios), ratios);

    for (const Range range : {Range{0, 1}, Range{4990, 5010}, Range{4096, 5300}, Range{5, 5}}) {
        const EventSet part = data.unbinned[0].read(range);
        REQUIRE(part.size() == range.size());
        CHECK(part.offset == range.first);
        for (std::uint64_t i = 0; i < part.size(); ++i) {
            CHECK(part.weight[i] == whole.weight[range.first + i]);
            CHECK(part.log_g[part.size() + i] == whole.log_g[whole.size() + range.first + i]);
        }
    }
}

TEST_CASE("without shapes there are no sums over the reference", "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", false);
    const std::string no_shape = "shape = []";
    std::string text = campaign_text;
    text.replace(text.find("shape = [\"S\"]"), 13, no_shape);
    const Campaign campaign = parse_campaign(text, ".");
    const RatioFiles ratios = open_ratio_files(campaign, folder / "r.h5");

    const LikelihoodData data =
        load_data(mpi::Communicator(), campaign, model_for_ratios(campaign, ratios), ratios);

    const EventSet events = data.unbinned[0].read({0, 10});
    CHECK(events.reference.empty());
    CHECK(events.shapes.empty());
    CHECK_THAT(input_warnings(campaign, ratios).back(), Contains("alpha_other"));
    CHECK_THROWS_WITH(load("", folder / "r.h5"),
                      Contains("describes no reference, but shape_norm = \"reference\" needs one"));
}

TEST_CASE("an injected sample has its own weights, no shape, and observables at its values",
          "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true, 3.0);
    const Campaign campaign = parse_campaign(
        campaign_text +
            "[data]\ninjections = [{ mu = 2.0, alpha_scale = 0.6, sample = \"data\" }]\n",
        ".");
    const Campaign injected = injected_campaign(campaign, campaign.data.injections.at(0));
    const RatioFiles ratios = open_ratio_files(injected, folder / "r.h5");
    const StatisticalModel model = model_for_ratios(injected, ratios);

    const LikelihoodData data = load_data(mpi::Communicator(), injected, model, ratios);
    const EventSet events = data.unbinned.at(0).read({0, data.unbinned[0].total});

    REQUIRE(events.size() == events_of_data + events_of_s + events_of_b);
    const auto is_weight = [](double wanted) { return [=](double w) { return w == wanted; }; };
    const auto end = events.weight.begin() + static_cast<std::ptrdiff_t>(events_of_data);
    CHECK(std::all_of(events.weight.begin(), end, is_weight(3.0)));
    CHECK(std::all_of(end, events.weight.end(), is_weight(0.0)));
    CHECK(events.reference[events_of_data] > 0.0);
    CHECK(model.parameters[1].constraint.observed == 0.6);
    CHECK(data_description(injected, model) ==
          "weighted events of sample data for mu = 2, alpha_scale = 0.6");
}

TEST_CASE("a blind campaign fits Asimov data although its sample is in the ratio file",
          "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);
    const std::string keys = "[data]\nsample = \"data\"\nasimov = { mu = 2.0 }\nblind = true\n";

    const EventSet events = load(keys, folder / "r.h5");

    REQUIRE(events.size() == events_of_s + events_of_b);
    CHECK(events.weight[0] == Approx(2.0 * 10.0 / static_cast<double>(events_of_s)));
}

TEST_CASE("what is fitted is said in words, without the hundred zeros of nuisance parameters",
          "[commands]") {
    const auto description = [](const std::string& more) {
        const Campaign campaign = parse_campaign(campaign_text + more, ".");
        StatisticalModel model;
        model.parameters = {{.name = "mu"},
                            {.name = "alpha_scale",
                             .start = 0.0,
                             .constraint = {Constraint::Kind::gaussian, 0.0, 1.0}}};
        model.unbinned = {{"SR", {}, ShapeNorm::none}};
        return data_description(campaign, model);
    };

    CHECK(description("[data]\nasimov = { mu = 2.5 }\n") ==
          "Asimov data from the samples at mu = 2.5");
    CHECK(description("[data]\nasimov = { mu = 1, alpha_scale = 0.5, source = \"reference\" }\n") ==
          "Asimov data from the reference at mu = 1, alpha_scale = 0.5");
    CHECK(description("[data]\nsample = \"data\"\n") == "events of sample data");
    CHECK(description("[data]\nsample = \"data\"\nblind = true\n") ==
          "Asimov data from the samples at mu = 1");
}

TEST_CASE("the Asimov point is what the campaign says, else where parameters start", "[commands]") {
    const Campaign campaign =
        parse_campaign(campaign_text + "[data]\nasimov = { alpha_scale = 0.5 }\n", ".");
    StatisticalModel model;
    model.parameters = {{.name = "mu", .start = 3.0}, {.name = "alpha_scale", .start = 0.0}};

    CHECK(asimov_point(campaign, model) == std::vector<double>{3.0, 0.5});
}

TEST_CASE("inputs are known where every ratio file says what it was made from", "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);
    const Campaign campaign = parse_campaign(campaign_text, ".");
    const RatioFiles silent = open_ratio_files(campaign, folder / "r.h5");

    CHECK_FALSE(know_their_inputs(silent));
    CHECK(know_their_inputs({}));
    CHECK(made_from(campaign, silent).back() ==
          std::pair<std::string, std::string>{"ratios.SR", "unknown"});
}

TEST_CASE("a yield that the campaign declares counts, not that of the ratio file", "[commands]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "r.h5", true);
    std::string text = campaign_text;
    text.insert(text.find("coefficient"), "yield = 5.0\n");
    const auto yields = [&](const std::string& more) {
        const Campaign campaign = parse_campaign(text + more, folder.path());
        std::vector<double> found;
        for (const UnbinnedRegion& region :
             model_for_ratios(campaign, open_ratio_files(campaign, folder / "r.h5")).unbinned) {
            for (const ProcessModel& process : region.processes) found.push_back(process.yield);
        }
        return found;
    };
    const std::string two =
        "[[region]]\nname = \"A\"\n[[region]]\nname = \"B\"\nratios = \"r.h5\"\n";

    CHECK(yields("") == std::vector<double>{5.0, 90.0});
    CHECK(yields("[[region]]\nname = \"A\"\nyield = { S = 7.0 }\n") ==
          std::vector<double>{7.0, 90.0});
    CHECK_THROWS_WITH(yields(two), Contains("region 'B': the yield of process 'S' is 10 in its "
                                            "ratio file, but process.S.yield = 5"));
    CHECK(yields(two + "yield = { S = 10.0 }\n") == std::vector<double>{5.0, 90.0, 10.0, 90.0});
}
