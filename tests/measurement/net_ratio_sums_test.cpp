#include "measurement/net_ratio_sums.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::array<std::uint32_t, 2> replicas_of{3, 2};

double line(std::size_t process, std::uint64_t net, std::size_t bin) {
    return 0.3 * std::sin(1.0 + 2.0 * static_cast<double>(process) +
                          0.7 * static_cast<double>(net) + 1.3 * static_cast<double>(bin));
}

test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {2, 1, 3}),
                                       test::example_set("B", {1, 4, 2}, 0.5),
                                       test::example_set("data", {2, 2, 1}));
    ratios.header.replicas = {replicas_of[0], replicas_of[1]};
    ratios.line = [](NetRatios, std::size_t process, std::uint64_t net, std::size_t bin) {
        return line(process, net, bin);
    };
    return ratios;
}

/// The example on disk.
struct Written {
    test::TemporaryDirectory folder;
    test::ExampleRatios ratios = example();
    std::vector<SampleInfo> samples = test::write_example(folder.path(), ratios);
    RatioFile file{folder / "ratios.h5"};
};

/// Bin of each event of a set, in order.
std::vector<std::size_t> bins_of_events(const test::ExampleSet& set) {
    std::vector<std::size_t> bins;
    for (std::size_t b = 0; b < test::n_bins; ++b)
        bins.insert(bins.end(), set.weights[b].size(), b);
    return bins;
}

NetRatioSums some_sums() {
    return {NetRatios::replica, {{0.5, -0.25, 0.75}, {2.0, -1.0}}, {0.1, -0.2}};
}

/// sum_k factor_k line_k + constant, in single precision as stored.
double slow_sum(const NetRatioSums& sums, std::size_t process, std::size_t bin) {
    double sum = sums.constant[process];
    for (std::size_t k = 0; k < sums.factor[process].size(); ++k) {
        sum += sums.factor[process][k] * static_cast<float>(line(process, k, bin));
    }
    return sum;
}

}  // namespace

TEST_CASE("nets that all processes have are as many as those of the poorest", "[measurement]") {
    RatioHeader header;
    header.processes = {{"S", 1.0, {}}, {"B", 1.0, {}}, {"I", 1.0, {}}};
    header.replicas = {4, 2, 3};

    CHECK(common_count(header, NetRatios::replica) == 2);
    CHECK(common_count(header, NetRatios::member) == 0);
    header.members = {5, 0, 5};
    CHECK(common_count(header, NetRatios::member) == 0);
}

TEST_CASE("lines of the processes follow one another without a gap", "[measurement]") {
    RatioHeader header;
    header.replicas = {4, 0, 3};

    CHECK(rows_of_process(header, NetRatios::replica, 0) == Range{0, 4});
    CHECK(rows_of_process(header, NetRatios::replica, 1) == Range{4, 4});
    CHECK(rows_of_process(header, NetRatios::replica, 2) == Range{4, 7});
}

TEST_CASE("sums of no lines have a factor of zero for each of them", "[measurement]") {
    RatioHeader header;
    header.processes = {{"S", 1.0, {}}, {"B", 1.0, {}}};
    header.replicas = {3, 1};

    const NetRatioSums sums = no_net_ratios(header, NetRatios::replica);

    CHECK(sums == NetRatioSums{NetRatios::replica, {{0.0, 0.0, 0.0}, {0.0}}, {0.0, 0.0}});
}

TEST_CASE("a region has lines where every process has at least two nets", "[measurement]") {
    const Written two;
    test::TemporaryDirectory folder;
    test::ExampleRatios poor = example();
    poor.header.replicas = {3, 1};
    test::write_example(folder.path(), poor);
    const auto rich_file = std::make_shared<const RatioFile>(two.folder / "ratios.h5");
    const auto poor_file = std::make_shared<const RatioFile>(folder / "ratios.h5");

    CHECK(has_net_ratios({rich_file}, NetRatios::replica));
    CHECK_FALSE(has_net_ratios({rich_file}, NetRatios::member));
    CHECK_FALSE(has_net_ratios({poor_file}, NetRatios::replica));
    CHECK(has_net_ratios({poor_file, rich_file}, NetRatios::replica));
    CHECK_FALSE(has_net_ratios({}, NetRatios::replica));
}

TEST_CASE("a sum of lines is factors times lines plus a constant, event by event",
          "[measurement]") {
    const Written written;
    const NetRatioSums sums = some_sums();

    for (const test::ExampleSet& set : written.ratios.sets) {
        const auto values = summed_net_ratios(written.file, set.name, sums);

        const auto bins = bins_of_events(set);
        REQUIRE(values.size() == 2 * bins.size());
        for (std::size_t i = 0; i < bins.size(); ++i) {
            for (std::size_t j = 0; j < 2; ++j) {
                CHECK(values[2 * i + j] == Approx(slow_sum(sums, j, bins[i])).epsilon(1e-14));
            }
        }
    }
}

TEST_CASE("a sum that is not finite is refused with file, set, row and process", "[measurement]") {
    const Written written;
    NetRatioSums sums = some_sums();
    sums.factor[1][1] = std::numeric_limits<double>::infinity();

    CHECK_THROWS_WITH(
        summed_net_ratios(written.file, "B", sums),
        Contains("ratios.h5") && Contains("'B', row 0") && Contains("a replica of process 'B'"));
}

TEST_CASE("lines that a file does not have are refused", "[measurement]") {
    const Written written;

    CHECK_THROWS_AS(written.file.read_net_ratios("B", NetRatios::member, 0, {0, 1}), DataError);
}

TEST_CASE("events with sums of lines have other ratios and nothing else, in any cut",
          "[measurement]") {
    const Written written;
    const NetRatioSums sums = some_sums();
    const Campaign campaign = parse_campaign(
        test::example_campaign_text("[data]\nasimov = { mu = 1.0 }\n"), written.folder.path());
    const RatioFiles ratios = open_ratio_files(campaign, written.folder / "ratios.h5");
    const StatisticalModel model = model_for_ratios(campaign, ratios);
    const LikelihoodData data = load_data(mpi::Communicator(), campaign, model, ratios);
    const auto sets = fitted_sets(campaign, model, model.unbinned[0], *ratios[0]);
    const EventSet before = data.unbinned[0].read({0, data.unbinned[0].total});

    const EventSource changed = with_net_ratios(data.unbinned[0], *ratios[0], sets, sums);

    std::vector<double> expected = summed_net_ratios(written.file, "S", sums);
    const auto of_b = summed_net_ratios(written.file, "B", sums);
    expected.insert(expected.end(), of_b.begin(), of_b.end());
    for (const Range range : {Range{0, before.size()}, Range{4, 9}, Range{6, 6}, Range{12, 13}}) {
        const EventSet events = changed.read(range);
        REQUIRE(events.size() == range.size());
        for (std::uint64_t i = 0; i < range.size(); ++i) {
            CHECK(events.weight[i] == before.weight[range.first + i]);
            CHECK(events.log_r[2 * i] == expected[2 * (range.first + i)]);
            CHECK(events.log_r[2 * i + 1] == expected[2 * (range.first + i) + 1]);
        }
    }
}

TEST_CASE("shapes of sums of lines are one column for each process, up and down alike",
          "[measurement]") {
    const Written written;
    const NetRatioSums sums = some_sums();
    const Campaign campaign = parse_campaign(test::example_campaign_text(), written.folder.path());
    const RatioFiles ratios = open_ratio_files(campaign, written.folder / "ratios.h5");
    const StatisticalModel model = model_for_ratios(campaign, ratios);
    const LikelihoodData data = load_data(mpi::Communicator(), campaign, model, ratios);
    const auto sets = fitted_sets(campaign, model, model.unbinned[0], *ratios[0]);

    const EventSet events = with_net_shapes(data.unbinned[0], *ratios[0], sets, sums).read({1, 5});

    const auto expected = summed_net_ratios(written.file, "data", sums);
    CHECK(events.shapes == std::vector<ShapeColumn>{{"S", "alpha_mc"}, {"B", "alpha_mc"}});
    for (std::size_t j = 0; j < 2; ++j) {
        for (std::uint64_t i = 0; i < 4; ++i) {
            const auto delta = static_cast<float>(expected[2 * (1 + i) + j]);
            CHECK(events.log_g[(2 * j) * 4 + i] == delta);
            CHECK(events.log_g[(2 * j + 1) * 4 + i] == -delta);
        }
    }
}

TEST_CASE("single lines of a range over several sets are read line by line", "[measurement]") {
    const Written written;
    const std::vector<FittedSet> sets{{.sample = "S", .events = 6},
                                      {.sample = "data", .events = 5}};
    auto bins = bins_of_events(written.ratios.sets[0]);
    const auto of_data = bins_of_events(written.ratios.sets[2]);
    bins.insert(bins.end(), of_data.begin(), of_data.end());

    const auto values = net_ratios_of(written.file, sets, NetRatios::replica, {4, 10});

    REQUIRE(values.size() == (replicas_of[0] + replicas_of[1]) * 6);
    std::size_t k = 0;
    for (std::size_t j = 0; j < 2; ++j) {
        for (std::uint64_t net = 0; net < replicas_of[j]; ++net) {
            for (std::size_t i = 4; i < 10; ++i) {
                CHECK(values[k++] == static_cast<float>(line(j, net, bins[i])));
            }
        }
    }
}
