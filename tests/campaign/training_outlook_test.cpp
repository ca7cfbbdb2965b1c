// What is certain or likely to spoil the training of nets is told from the events alone.
#include "campaign/training_outlook.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::size_t n_events = 4000;

const std::string toml = R"toml([campaign]
name = "t"
[events]
file = "events.h5"
features = ["x", "y"]
[split]
train = 0.5
validation = 0.1
inference = 0.4
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[reference]
mixture = { S = 1, B = 1 }
[network]
hidden = [4]
[training]
epochs = 1
batch = 256
)toml";

EventSample sample(const std::string& name, std::uint64_t first_id, std::size_t n = n_events) {
    std::mt19937 random(static_cast<std::uint32_t>(first_id + 1));
    std::normal_distribution<float> normal;
    EventSample result;
    result.name = name;
    result.columns = {"x", "y"};
    for (std::size_t row = 0; row < n; ++row) {
        result.features.push_back(normal(random));
        result.features.push_back(2.0F * normal(random));
        result.weight.push_back(0.005);
        result.id.push_back(first_id + row);
    }
    return result;
}

struct Case {
    std::string name;
    std::function<void(EventSample& s, EventSample& b)> change;
    std::vector<std::string> mistakes;  ///< parts of each, in any order
    std::vector<std::string> warnings;
    std::string more = {};  ///< at the end of the campaign
    std::string what = {};  ///< in the campaign
    std::string by = {};    ///< in its place
};

TrainingOutlook outlook_of(const Case& c) {
    const test::TemporaryDirectory folder;
    EventSample s = sample("S", 0);
    EventSample b = sample("B", 1'000'000);
    if (c.change) c.change(s, b);
    write_events(folder / "events.h5", std::vector{s, b});
    std::string text = toml + c.more;
    if (!c.what.empty()) text.replace(text.find(c.what), c.what.size(), c.by);
    const Campaign campaign = parse_campaign(text, folder.path());
    const auto samples = read_sample_info(campaign.events_path(), samples_to_read(campaign),
                                          campaign.events.features, campaign.split);
    return training_outlook(campaign, make_task_graph(campaign, samples, "cpu"), samples);
}

void set_feature(EventSample& sample, std::size_t row, std::size_t column, float value) {
    sample.features[2 * row + column] = value;
}

/// Every k-th value of a column.
std::function<void(EventSample&, EventSample&)> every(std::size_t k,
                                                      std::size_t column,
                                                      float value) {
    return [=](EventSample& s, EventSample& b) {
        for (std::size_t row = 0; row < n_events; row += k) {
            set_feature(s, row, column, value);
            set_feature(b, row, column, value);
        }
    };
}

/// Row of the first event of S that trains, or validates.
std::size_t row_of(SplitPart part) {
    std::size_t row = 0;
    while (split_part(row, Split{}) != part) ++row;
    return row;
}

const std::vector<Case> cases{
    {"nothing", {}, {}, {}},
    {"a varied sample beyond the edge of the nominal one",
     [](EventSample&, EventSample& b) {
         for (std::size_t row = 0; row < n_events; ++row) {
             set_feature(b, row, 0, std::abs(b.features[2 * row]));
         }
     },
     {},
     {"sample 'S', feature 'x': more than 1 % of its events lie below", "nominal sample 'B'"},
     R"toml([[systematic]]
name = "edge"
shape = { B = { up = "S", down = "S" } }
)toml"},
    {"a constant", every(1, 1, 3.0F), {"feature 'y' is 3 for every training event"}, {}},
    {"another constant in each sample",
     [](EventSample& s, EventSample& b) {
         for (std::size_t row = 0; row < n_events; ++row) {
             set_feature(s, row, 0, 1.0F);
             set_feature(b, row, 0, 2.0F);
         }
     },
     {},
     {"sample 'S', feature 'x': it is 1 in every", "sample 'B', feature 'x': it is 2 in every"}},
    {"a column that was filled in one sample",
     [](EventSample&, EventSample& b) {
         for (std::size_t row = 0; row < n_events; ++row) set_feature(b, row, 1, -999.0F);
     },
     {},
     {"sample 'B', feature 'y': it is -999 in every training event"}},
    {"a batch beyond the events",
     {},
     {"training.batch = 5000 is larger than its", "ensemble 'B'"},
     {},
     "",
     "batch = 256",
     "batch = 5000"},
    {"few events",
     [](EventSample& s, EventSample& b) {
         s = sample("S", 0, 50);
         b = sample("B", 1000, 50);
     },
     {"ensemble 'S'", "ensemble 'B'"},
     {"sample 'S': its", "few to train"}},
    {"no validation event",
     [](EventSample& s, EventSample&) {
         s.features.clear();
         s.weight.clear();
         std::vector<std::uint64_t> ids;
         for (const std::uint64_t id : s.id) {
             if (split_part(id, Split{}) != SplitPart::validation) ids.push_back(id);
         }
         s = sample("S", 0, ids.size());
         s.id = ids;
     },
     {"sample 'S': no validation event among its"},
     {}},
    {"validation weights that sum to nothing",
     [](EventSample& s, EventSample&) {
         for (std::size_t row = 0; row < n_events; ++row) {
             if (split_part(row, Split{}) == SplitPart::validation) s.weight[row] = -0.001;
         }
     },
     {"sample 'S': the weights of its", "validation events sum to -"},
     {}},
    {"negative weights that are refused",
     [](EventSample& s, EventSample&) { s.weight[row_of(SplitPart::train)] = -0.1; },
     {"training.negative_weights = \"refuse\" forbids"},
     {},
     "negative_weights = \"refuse\"\n"},
    {"one event far away",
     [](EventSample& s, EventSample&) { set_feature(s, row_of(SplitPart::train), 0, 1e30F); },
     {},
     {"sample 'S', feature 'x': its standard deviation is", "% of the variance"}},
    {"three events far away",
     [](EventSample& s, EventSample&) {
         int left = 3;
         for (std::size_t row = 0; left > 0; ++row) {
             if (split_part(row, Split{}) != SplitPart::train) continue;
             set_feature(s, row, 0, 1e6F);
             --left;
         }
     },
     {},
     {"sample 'S', feature 'x': its standard deviation is"}},
    {"a sentinel",
     every(5, 1, -999.0F),
     {},
     {"feature 'y': of its values 20 % in 'S', 20 % in 'B' are exactly -999; if that stands for a "
      "missing"}},
    {"a spike within the others", every(10, 1, 0.0F), {}, {"10 % in 'S'", "are exactly 0"}},
    {"a feature that saturates at both ends",
     [](EventSample& s, EventSample& b) {
         for (std::size_t row = 0; row < n_events; ++row) {
             for (EventSample* each : {&s, &b}) {
                 set_feature(*each, row, 1, std::tanh(20.0F * each->features[2 * row]));
             }
         }
     },
     {},
     {"feature 'y':", " % in 'S'", "the end of their range", "if a function such as tanh"}},
    {"a cut-off at the edge of the others",
     [](EventSample& s, EventSample&) {
         for (std::size_t row = 0; row < n_events; ++row) {
             set_feature(s, row, 1, std::min(s.features[2 * row + 1], 0.5F));
         }
     },
     {},
     {"feature 'y':", " % in 'S' are exactly 0.5, the end of their range"}},
    {"a few sentinels", every(100, 1, -999.0F), {}, {"1 % in 'S'", "are exactly -999"}},
    {"a flag and a count are no sentinels",
     [](EventSample& s, EventSample& b) {
         for (std::size_t row = 0; row < n_events; ++row) {
             for (EventSample* each : {&s, &b}) {
                 set_feature(*each, row, 0, row % 7 == 0 ? 1.0F : 0.0F);
                 set_feature(*each, row, 1, static_cast<float>(row % 11 % 6));
             }
         }
     },
     {},
     {}},
    {"one weight beyond the sum",
     [](EventSample& s, EventSample&) { s.weight[row_of(SplitPart::train)] = 1e3; },
     {},
     {"training events are worth 1.0",
      "row " + std::to_string(row_of(SplitPart::train)) + " has 99"}},
    {"an event far beyond those that train",
     [](EventSample& s, EventSample&) { set_feature(s, row_of(SplitPart::inference), 1, 300.0F); },
     {},
     {"sample 'S', feature 'y': the event in row " + std::to_string(row_of(SplitPart::inference)) +
      " (300) lies"}},
    {"other units in one sample",
     [](EventSample& s, EventSample&) {
         for (float& value : s.features) value = 50.0F + value;
     },
     {},
     {"feature 'x' by itself tells samples 'B'", "feature 'y' by itself tells samples 'B'"}},
    {"one file as two processes",
     [](EventSample& s, EventSample& b) {
         s.features = b.features;
         for (double& w : s.weight) w *= 0.1;
     },
     {},
     {"processes 'S' and 'B': samples 'S' and 'B' hold the same events"}},
    {"weights that cancel",
     [](EventSample& s, EventSample&) {
         for (std::size_t row = 0; row < n_events; ++row) {
             if (row % 20 < 9) s.weight[row] = -0.005;
         }
     },
     {},
     {"are negative", "sample 'S'"}},
    {"folds", every(1, 1, 3.0F), {"feature 'y' is 3"}, {}, "", "inference = 0.4", "folds = 3"}};

bool contains_all(const std::vector<std::string>& lines, const std::vector<std::string>& parts) {
    const std::string text = [&] {
        std::string joined;
        for (const std::string& line : lines) joined += line + "\n";
        return joined;
    }();
    return std::ranges::all_of(
        parts, [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("what will spoil the training is told from the events", "[campaign]") {
    for (const Case& c : cases) {
        const TrainingOutlook found = outlook_of(c);

        INFO(c.name);
        CAPTURE(found.mistakes, found.warnings);
        CHECK(found.mistakes.empty() == c.mistakes.empty());
        CHECK(found.warnings.empty() == c.warnings.empty());
        CHECK(contains_all(found.mistakes, c.mistakes));
        CHECK(contains_all(found.warnings, c.warnings));
    }
}

namespace {

/// Of samples S, B and their two sides, all shifted in x by a multiple of `shift` and of a weight.
std::vector<std::string> sides_of(const std::vector<std::pair<std::string, double>>& shifts,
                                  const std::vector<double>& factors,
                                  const std::string& more) {
    const test::TemporaryDirectory folder;
    std::vector<EventSample> samples{sample("S", 0), sample("B", 1'000'000)};
    for (std::size_t i = 0; i < shifts.size(); ++i) {
        EventSample varied = samples[shifts[i].first[0] == 'S' ? 0 : 1];
        varied.name = shifts[i].first;
        for (std::size_t row = 0; row < n_events; ++row) {
            varied.features[2 * row] += static_cast<float>(shifts[i].second);
            varied.weight[row] *= factors[i];
        }
        samples.push_back(std::move(varied));
    }
    write_events(folder / "events.h5", samples);
    const Campaign campaign = parse_campaign(toml + more, folder.path());
    const auto read = read_sample_info(campaign.events_path(), samples_to_read(campaign),
                                       campaign.events.features, campaign.split);
    return variation_warnings(campaign, read);
}

const std::string both_processes = R"toml([[systematic]]
name = "jes"
shape = { S = { up = "S_up", down = "S_down" }, B = { up = "B_up", down = "B_down" } }
)toml";

using Shifts = std::vector<std::pair<std::string, double>>;

}  // namespace

TEST_CASE("sides that may be exchanged are told", "[campaign]") {
    const Shifts right{{"S_up", 0.3}, {"S_down", -0.3}, {"B_up", 0.3}, {"B_down", -0.3}};
    const Shifts exchanged{{"S_up", 0.3}, {"S_down", -0.3}, {"B_up", -0.3}, {"B_down", 0.3}};
    const Shifts twice{{"S_up", 0.3}, {"S_down", 0.3}, {"B_up", 0.3}, {"B_down", -0.3}};
    const std::vector<double> none{1.0, 1.0, 1.0, 1.0};

    CHECK(sides_of(right, none, both_processes).empty());
    CHECK(sides_of(right, {1.2, 0.8, 1.2, 0.8}, both_processes).empty());
    const auto of = [&](const Shifts& shifts, const std::vector<double>& factors) {
        const auto found = sides_of(shifts, factors, both_processes);
        CAPTURE(found);
        CHECK(found.size() == 1);
        return found.empty() ? std::string() : found.front();
    };
    CHECK_THAT(of(exchanged, none),
               Contains("moves the mean of 'x' up in 'S'") && Contains("down in 'B'"));
    CHECK_THAT(of(twice, none), Contains("'S_up' and 'S_down' hold the same events"));
    CHECK_THAT(of(right, {0.8, 1.2, 0.8, 1.2}),
               Contains("the yield of 'S', 'B' is less at up than at down"));
    CHECK_THAT(of(right, {1.2, 0.8, 0.8, 1.2}),
               Contains("the yield of 'S' is more at up than at down, that of 'B' is less"));
    CHECK_THAT(of(right, {1.2, 1.15, 1.2, 0.8}), Contains("both sides raise the yield of 'S'"));
    CHECK_THAT(of(right, {2.0, 1.0, 1.2, 0.8}),
               Contains("the yield of 'S' is 2 times nominal at up, 1 times at down"));
    CHECK_THAT(of(right, {1.2, 0.8, 1.0, 0.001}), Contains("0.001 times at down"));
}

TEST_CASE("declared yields of one sign or of sides that are exchanged are told", "[campaign]") {
    const auto of = [](const std::string& yields) {
        return sides_of({}, {}, "[[systematic]]\nname = \"lumi\"\nshape = []\nyield = " + yields);
    };

    CHECK(of("{ S = { up = 1.02, down = 0.98 } }").empty());
    CHECK(of("{ S = { up = 1.02, down = 0.98 }, B = { up = 0.9, down = 1.1 } }").empty());
    CHECK(of("{ S = { up = 1.02, down = 1.0 } }").empty());
    REQUIRE(of("{ S = { up = 0.98, down = 1.02 } }").size() == 1);
    CHECK_THAT(of("{ S = { up = 0.98, down = 1.02 } }")[0], Contains("its pull has the other"));
    REQUIRE(of("{ S = { up = 0.98, down = 0.97 } }").size() == 1);
    CHECK_THAT(of("{ S = { up = 0.98, down = 0.97 } }")[0], Contains("both sides lower"));
}

TEST_CASE("all trainings that must fail are refused at once", "[campaign]") {
    CHECK_NOTHROW(expect_trainings({{}, {"a warning"}}));
    CHECK_THROWS_AS(expect_trainings({{"one", "two"}, {}}), DataError);
    CHECK_THROWS_WITH(expect_trainings({{"one", "two"}, {}}), Contains("one\ntwo"));
}

TEST_CASE("facts of weights and features are what the events say", "[campaign]") {
    const test::TemporaryDirectory folder;
    EventSample s = sample("S", 0);
    for (std::size_t row = 0; row < n_events; ++row) {
        s.weight[row] = 0.5 + std::sin(static_cast<double>(row));
    }
    write_events(folder / "events.h5", std::vector{s});
    const std::vector<std::string> names{"S"};

    for (const std::uint32_t folds : {0U, 3U}) {
        const Split split{.folds = folds};
        const SampleFacts facts =
            read_sample_info(folder / "events.h5", names, {}, split).front().facts;

        REQUIRE(facts.folds.size() == std::max(folds, 1U));
        for (std::uint32_t fold = 0; fold < facts.folds.size(); ++fold) {
            WeightSums slow;
            std::uint64_t first_half = 0;
            for (std::size_t row = 0; row < n_events; ++row) {
                if (part_for_nets(row, split, fold) != SplitPart::train) continue;
                slow.events += 1;
                slow.sum += s.weight[row];
                slow.squares += s.weight[row] * s.weight[row];
                slow.negative += s.weight[row] < 0.0 ? 1 : 0;
                first_half += half_of(row) == 1 ? 1 : 0;
            }
            const SampleFacts::Part& part = facts.folds[fold][0];
            CHECK(part.weights[0].events == slow.events);
            CHECK(part.weights[0].negative == slow.negative);
            CHECK(part.weights[0].sum == Approx(slow.sum));
            CHECK(part.weights[0].effective_events() == Approx(slow.sum * slow.sum / slow.squares));
            CHECK(part.half_events[0] == first_half);
            CHECK(part.half_events[0] + part.half_events[1] == slow.events);
        }
        CHECK(facts.features[1].mean == Approx(0.0).margin(0.2));
        CHECK(std::sqrt(facts.features[1].variance) == Approx(2.0).epsilon(0.1));
        CHECK(facts.features[1].width == Approx(2.0).epsilon(0.1));
    }
}

TEST_CASE("a simulation that is small for the expected events is told", "[campaign]") {
    const auto found = [](double weight, const std::string& more = "") {
        const auto weigh = [weight](EventSample& s, EventSample& b) {
            for (double& w : s.weight) w = 0.001;
            for (double& w : b.weight) w = weight;
        };
        return outlook_of({"", weigh, {}, {}, more}).warnings;
    };

    CHECK(found(0.04).empty());  // 160 expected, some 2000 train: 0.28
    const auto told = found(0.08);
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0], Contains("process 'B' 320 are expected, and") && Contains("about 0.4 of"));
    CHECK(found(0.08, "[ensemble]\nreplicas = 4\n[finite_mc]\nmethod = \"replicas\"\n").empty());
    CHECK(found(0.08, "[ensemble]\nmembers = 2\n").size() == 1);
}
