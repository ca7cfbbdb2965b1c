#include "measurement/unfolding/unfolded_results.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "campaign/task_graph.hpp"
#include "core/seeds.hpp"

using namespace ratiofarm;

namespace {

const std::string toml = R"([campaign]
name = "u"
[events]
file = "events.h5"
features = ["x"]
[training]
batch = 1
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
fakes = "fixed"
iterations = 2
members = 2
replicas_data = 3
[unfolding.variation]
w_up = { weight = "twice" }
[[unfolding.observable]]
column = "t"
reco = "x"
edges = [0.0, 1.0, 2.0]
)";

/// Truth 0.5, 0.5, 1.5, 1.5, 9: the second one a miss, the last one beyond the edges; and a fake.
EventSample simulation() {
    EventSample sample{.name = "mc",
                       .columns = {"x"},
                       .features = {0.5F, NAN, 1.5F, 0.5F, 1.5F, 1.5F},
                       .weight = std::vector(6, 2.0),
                       .id = {1, 2, 3, 4, 5, 6},
                       .log_density = {}};
    sample.weights = {{"twice", std::vector(6, 4.0)}};
    sample.levels = EventLevels{.columns = {"t"},
                                .truth = {0.5F, 0.5F, 1.5F, 1.5F, 9.0F, NAN},
                                .pass_reco = {1, 0, 1, 1, 1, 1},
                                .pass_truth = {1, 1, 1, 1, 1, 0}};
    return sample;
}

EventSample data() {
    return {.name = "data",
            .columns = {"x"},
            .features = {0.5F, 0.5F, 1.5F},
            .weight = std::vector(3, 1.0),
            .id = {1, 2, 3},
            .log_density = {}};
}

/// One number per truth value below and above 1.
UnfoldedChain chain(double low, double high, std::uint32_t member = 0) {
    return {.member = member, .ln_nu = [=](std::uint32_t iteration) {
                const double share = iteration == 2 ? 1.0 : 0.5;
                const auto a = static_cast<float>(share * std::log(low));
                const auto b = static_cast<float>(share * std::log(high));
                return std::vector<float>{a, a, b, b, b, 0.0F};
            }};
}

/// A run directory with simulation and data, of which all events are published.
struct Place {
    Place() : campaign(parse_campaign(toml, folder.path())) {
        const std::vector<EventSample> events{simulation(), data()};
        write_events(folder / "events.h5", events);
        campaign.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
        samples = read_sample_info(campaign.events_path(), samples_to_read(campaign),
                                   campaign.events.features, campaign.split);
    }
    test::TemporaryDirectory folder;
    Campaign campaign;
    std::vector<SampleInfo> samples;
};

}  // namespace

TEST_CASE("histograms of an unfolding have an error for each source", "[unfolding]") {
    const Place place;
    const auto& [folder, campaign, samples] = place;
    std::vector<UnfoldedChain> chains{chain(1.0, 2.0, 0), chain(3.0, 2.0, 1)};
    for (std::uint32_t b = 1; b <= 3; ++b) {
        chains.push_back(chain(1.0 + 0.5 * b, 2.0));  // 4 low: contents 4 nu = 6, 8, 10
        chains.back().data_replica = b;
    }
    chains.push_back(chain(1.0, 1.0));
    chains.back().variation = "w_up";

    UnfoldedResults results = unfolded_results(campaign, samples, chains);

    const UnfoldRecord& record = results.record;
    const UnfoldedObservable& t = record.observables.front();
    CHECK(record.events == 5);
    CHECK(record.generated == 10.0);
    CHECK(record.yield == Approx(4 * 2 + 6 * 2));
    CHECK(t.prior == std::vector{4.0, 4.0});
    CHECK(t.unfolded[0] == Approx(8.0));
    CHECK(t.unfolded[1] == Approx(8.0));
    CHECK(t.above == Approx(4.0));
    REQUIRE(t.covariances.size() == 3);
    CHECK(t.covariances[0].source == "data");
    CHECK(t.covariances[0].rows[0][0] == Approx(4.0));  // of 6, 8, 10
    CHECK(t.covariances[1].source == "members");
    CHECK(t.covariances[1].rows[0][0] == Approx(32.0 / 2));  // of 4 and 12, of their mean
    CHECK(t.covariances[2].source == "w_up");
    CHECK(t.covariances[2].rows[0][1] == Approx(0.0).margin(1e-12));
    CHECK(t.error[0] == Approx(std::sqrt(4.0 + 16.0)));
    CHECK(t.data == std::vector{2.0, 1.0});
    CHECK(t.simulation == std::vector{4.0, 6.0});                 // the fake is in the second bin
    CHECK(t.iterations[1].refolded[0] == Approx(2 * 2 + 2 * 2));  // rows 0 and 3
    CHECK(t.iterations[1].refolded[1] == Approx(4 + 4 + 2));      // the fake stays at 2
    CHECK(t.bottom_line.has_value());
    CHECK(parse_unfold_json(unfold_json(record)).observables.front().total == t.total);

    write_unfolded_table(folder / "unfolded.h5", results.table);
    CHECK(verify_file(folder / "unfolded.h5").empty());
    std::vector<std::string> paths;
    for (const UnfoldedWeights& weights : results.table.weights) {
        paths.push_back(weights.path);
        const auto values = weights.values();
        const double sum = std::accumulate(values.begin(), values.end(), 0.0);
        if (weights.path == "/weights/nominal") CHECK(sum == Approx(record.yield));
        if (weights.path == "/weights/w_up") CHECK(sum == Approx(20.0));  // twice the weight
    }
    CHECK(paths == std::vector<std::string>{
                       "/weights/nominal", "/weights/ensemble_0", "/weights/ensemble_1",
                       "/iterations/1", "/iterations/2", "/weights/bootstrap_data_0",
                       "/weights/bootstrap_data_1", "/weights/bootstrap_data_2", "/weights/w_up"});
}

TEST_CASE("replicas of the simulation are filled with the counts of their nets", "[unfolding]") {
    const Place place;
    const auto& [folder, campaign, samples] = place;
    std::vector<UnfoldedChain> chains{chain(1.0, 1.0)};
    for (std::uint32_t b = 1; b <= 40; ++b) {
        chains.push_back(chain(1.0, 1.0));
        chains.back().mc_replica = b;
        chains.back().mc_seed = 1000 + b;
    }

    const UnfoldRecord record = unfolded_results(campaign, samples, chains).record;

    // Two events of weight 2: variance 2 * 2^2, known to 35 %.
    REQUIRE(record.observables.front().covariances.size() == 1);
    CHECK(record.observables.front().covariances[0].rows[0][0] > 4.0);
    CHECK(record.observables.front().covariances[0].rows[0][0] < 16.0);
}

TEST_CASE("the worst steps of all chains are told", "[unfolding]") {
    const Place place;
    const auto& [folder, campaign, samples] = place;
    std::vector<UnfoldedChain> chains{chain(1.0, 1.0), chain(1.0, 1.0)};
    chains[0].steps = {{0, 0.0, 0.9}, {0, 0.0, 0.8}, {2, 0.0, 0.9}, {0, 0.0, 0.7}};
    chains[1].data_replica = 2;
    chains[1].steps = {{0, 0.0, 0.9}, {1, 0.02, 0.8}, {1, 0.0, 0.05}, {0, 0.0, 0.6}};

    const UnfoldRecord record = unfolded_results(campaign, samples, chains).record;

    CHECK(record.progress[0].clipped_share == 0.02);
    CHECK(record.progress[0].effective_share == 0.8);
    CHECK(record.progress[0].trained_again == 1);
    CHECK(record.progress[1].effective_share == 0.05);
    CHECK(record.progress[1].trained_again == 2);
    const auto is_told = [&](std::string_view text) {
        return std::ranges::any_of(record.warnings, [&](const std::string& warning) {
            return warning.find(text) != std::string::npos;
        });
    };
    CHECK(is_told("in 1 of 2 chains"));
    CHECK(is_told("the least is 0.05 of them, in step 1 of iteration 2 of 'nominal/data 2/0'"));
    CHECK(is_told("in iteration 1 up to 2 % of the weight"));
}

namespace {

double gauss_at(double x, double mean, double variance) {
    return std::exp(-(x - mean) * (x - mean) / (2.0 * variance)) /
           std::sqrt(2.0 * std::numbers::pi * variance);
}

constexpr double gauss_cell = 0.1;
constexpr std::size_t gauss_cells = 160;
double gauss_center(std::size_t cell) {
    return -7.0 + (static_cast<double>(cell) + 0.5) * gauss_cell;
}

/// ln nu after each iteration of cells of N(1, 1) smeared with 0.25, with exact ratios.
std::vector<std::vector<float>> exact_ln_nu(std::span<const double> data,
                                            std::uint32_t iterations) {
    static const auto response = [] {
        std::vector<std::array<double, gauss_cells>> of(gauss_cells);
        for (std::size_t t = 0; t < gauss_cells; ++t) {
            for (std::size_t x = 0; x < gauss_cells; ++x) {
                of[t][x] = gauss_cell * gauss_at(gauss_center(x), gauss_center(t), 0.25);
            }
        }
        return of;
    }();
    std::vector<double> nu(gauss_cells, 1.0);
    std::vector<std::vector<float>> after;
    for (std::uint32_t n = 0; n < iterations; ++n) {
        std::vector<double> omega(gauss_cells, 0.0);
        for (std::size_t t = 0; t < gauss_cells; ++t) {
            const double w = gauss_cell * gauss_at(gauss_center(t), 1.0, 1.0) * nu[t];
            for (std::size_t x = 0; x < gauss_cells; ++x) omega[x] += w * response[t][x];
        }
        for (std::size_t x = 0; x < gauss_cells; ++x) omega[x] = data[x] / omega[x];
        std::vector<float>& ln_nu = after.emplace_back();
        for (std::size_t t = 0; t < gauss_cells; ++t) {
            double pulled = 0.0, all = 0.0;
            for (std::size_t x = 0; x < gauss_cells; ++x) {
                pulled += response[t][x] * omega[x];
                all += response[t][x];
            }
            nu[t] *= pulled / all;
            ln_nu.push_back(static_cast<float>(std::log(nu[t])));
        }
    }
    return after;
}

/// The bins 4, 5 and 6 of ten, in units of the root of the number of data.
struct BinErrors {
    std::array<double, 3> sigma;
    double correlation_56, correlation_57;
};

/// Of 400 bootstrap replicas of 10,000 events of N(0, 1.25).
BinErrors replicated_errors(std::uint32_t iterations) {
    constexpr std::uint32_t replicas = 400;
    constexpr std::size_t n = 10000;
    const test::TemporaryDirectory folder;
    EventSample mc{
        .name = "mc", .columns = {"x"}, .features = {}, .weight = {}, .id = {}, .log_density = {}};
    mc.levels.emplace().columns = {"t"};
    std::vector<double> exact(gauss_cells, 0.0);
    for (std::size_t cell = 0; cell < gauss_cells; ++cell) {
        mc.features.push_back(0.0F);
        mc.weight.push_back(gauss_cell * gauss_at(gauss_center(cell), 1.0, 1.0));
        mc.id.push_back(cell);
        mc.levels->truth.push_back(static_cast<float>(gauss_center(cell)));
        mc.levels->pass_reco.push_back(1);
        mc.levels->pass_truth.push_back(1);
        exact[cell] = gauss_cell * gauss_at(gauss_center(cell), 0.0, 1.25);
    }
    write_events(folder / "events.h5", std::vector<EventSample>{mc, data()});
    const std::string head = toml.substr(0, toml.find("truth = "));
    Campaign campaign = parse_campaign(
        head + "truth = [\"t\"]\nmembers = 1\nreplicas_data = 400\niterations = " +
            std::to_string(iterations) +
            "\n[[unfolding.observable]]\ncolumn = \"t\"\nedges = [-inf, -2, -1.5, -1, -0.5, 0, "
            "0.5, 1, 1.5, 2, inf]\n",
        folder.path());
    campaign.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    const auto samples = read_sample_info(campaign.events_path(), samples_to_read(campaign),
                                          campaign.events.features, campaign.split);
    std::vector<UnfoldedChain> chains;
    for (std::uint32_t b = 0; b <= replicas; ++b) {
        std::vector<double> drawn = exact;
        if (b > 0) {
            std::ranges::fill(drawn, 0.0);
            double cumulated = 0.0;
            std::size_t event = 0;
            for (std::size_t cell = 0; cell < gauss_cells; ++cell) {
                cumulated += n * exact[cell];
                for (; event < n && static_cast<double>(event) + 0.5 < cumulated; ++event) {
                    drawn[cell] += bootstrap_count(event, replica_seed(1, b)) / double{n};
                }
            }
        }
        chains.push_back({.data_replica = b,
                          .ln_nu = [found = exact_ln_nu(drawn, iterations)](std::uint32_t at) {
                              return found.at(at - 1);
                          }});
    }

    const UnfoldRecord record = unfolded_results(campaign, samples, chains).record;

    const auto& rows = record.observables.front().covariances.at(0).rows;
    const auto sigma = [&](std::size_t bin) { return std::sqrt(n * rows[bin - 1][bin - 1]); };
    return {{sigma(4), sigma(5), sigma(6)},
            n * rows[4][5] / (sigma(5) * sigma(6)),
            n * rows[4][6] / (sigma(5) * sigma(7))};
}

}  // namespace

TEST_CASE("the spread of replicas of the data is the error that theory says", "[unfolding]") {
    // Exact errors of bins with Poisson data and exact ratios; 400 replicas know them to 3.5 %.
    struct Row {
        std::uint32_t iterations;
        BinErrors exact;
    };
    for (const auto& [iterations, exact] :
         {Row{1, {{0.19544, 0.23685, 0.25021}, 0.7802, 0.3703}},
          Row{3, {{0.31168, 0.34800, 0.34447}, 0.5513, -0.0949}},
          Row{5, {{0.37002, 0.41312, 0.40912}, 0.4199, -0.2869}},
          Row{10, {{0.46830, 0.52380, 0.51979}, 0.2214, -0.4752}}}) {
        const BinErrors found = replicated_errors(iterations);

        INFO(iterations << " iterations");
        for (std::size_t bin = 0; bin < 3; ++bin) {
            CHECK(found.sigma[bin] == Approx(exact.sigma[bin]).epsilon(0.08));
        }
        CHECK(found.correlation_56 == Approx(exact.correlation_56).margin(0.12));
        CHECK(found.correlation_57 == Approx(exact.correlation_57).margin(0.15));
    }
}
