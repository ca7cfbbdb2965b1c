#include "results/search_record.hpp"

#include <cmath>
#include <limits>
#include <tuple>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "tests/campaign/example_campaign.hpp"

using namespace ratiofarm;

namespace {

const std::string section = R"toml(
[search]
trials = 9
first_rung = 1
processes = ["S"]
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 1e-2] }
"network.hidden" = { choice = [[64, 64], [8]] }
)toml";

/// The smaller the number the better; trial 5 diverges.
std::optional<double> score(TrialRung what) {
    if (what.trial == 5) return std::numeric_limits<double>::infinity();
    return 1.0 / (1.0 + what.trial) / (1.0 + what.rung);
}

SearchRecord record() {
    const Campaign campaign = parse_campaign(test::example_toml + section, "/campaigns");
    const SearchPlan plan = make_search_plan({campaign, test::example_samples(), "cpu"});
    return search_record(plan, *campaign.search, successive_halving(plan.halving, score), {score});
}

}  // namespace

TEST_CASE("a record of a search is read back as it was written", "[report][search]") {
    const std::string json = search_json(record());

    const SearchRecord again = parse_search_json(json);

    CHECK(search_json(again) == json);
    CHECK(again.trials[2].setting == record().trials[2].setting);
    CHECK(std::isinf(again.trials[5].rungs[0].objective));
    CHECK(again.best == record().best);
    CHECK(again.decisions == record().decisions);
}

TEST_CASE("the best trial leads the list, failures end it", "[report][search]") {
    const SearchRecord found = record();

    const auto ranked = ranked_trials(found);

    CHECK(found.best == TrialRung{8, 2});
    CHECK(ranked.front() == 8);
    CHECK(ranked.back() == 5);
    const std::string text = search_text(found, 3);
    INFO(text);
    CHECK(text.find("best        trial 8 ") != std::string::npos);
    CHECK(text.find("network.hidden = ") != std::string::npos);
    CHECK(text.find("and 6 more") != std::string::npos);
}

TEST_CASE("what is no record of a search is refused", "[report][search]") {
    const std::string json = search_json(record());
    std::string other = json;
    other.replace(other.find("\"schema\": 2"), 11, "\"schema\": 7");
    std::string nobody = json;
    nobody.replace(nobody.find("\"trial\": 8"), 10, "\"trial\": 99");

    CHECK_THROWS_AS(parse_search_json("{}"), DataError);
    CHECK_THROWS_AS(parse_search_json("no JSON"), DataError);
    CHECK_THROWS_AS(parse_search_json(other), DataError);
    CHECK_THROWS_AS(parse_search_json(nobody), DataError);
    SearchRecord short_of_epochs = record();
    short_of_epochs.epochs.resize(1);
    CHECK_THROWS_WITH(parse_search_json(search_json(short_of_epochs)),
                      Catch::Matchers::Contains("'epochs' names 1"));
    SearchRecord of_nobody = record();
    of_nobody.decisions.front().what.trial = 99;
    CHECK_THROWS_WITH(parse_search_json(search_json(of_nobody)),
                      Catch::Matchers::Contains("trial 99"));
}

TEST_CASE("the work of a search is that of its rungs, once each", "[report][search]") {
    const SearchRecord found = record();

    double flop = 0.0;
    std::size_t rungs = 0;
    for (const SearchRecord::Trial& trial : found.trials) {
        for (const SearchRecord::Rung& rung : trial.rungs) flop += rung.flop;
        rungs += trial.rungs.size();
    }
    CHECK(found.flop == Approx(flop).epsilon(1e-13));
    CHECK(rungs == found.decisions.size());
    CHECK(found.flop < found.grid_flop);
    for (const HalvingDecision& decision : found.decisions) CHECK(decision.begin <= decision.end);
}

TEST_CASE("no trial that reached the last rung is better than the best", "[report][search]") {
    const SearchRecord found = record();

    const double best = found.trials[found.best.trial].rungs[found.best.rung].objective;

    for (const SearchRecord::Trial& trial : found.trials) {
        if (trial.rungs.size() > found.best.rung)
            CHECK(trial.rungs[found.best.rung].objective >= best);
    }
}

TEST_CASE("a key of search.json that is missing is named", "[report][search]") {
    using Json = nlohmann::ordered_json;
    const Json whole = Json::parse(search_json(record()));
    const auto expect_named = [](const Json& without, const std::string& key) {
        INFO(key);
        CHECK_THROWS_WITH(
            parse_search_json(without.dump()),
            Catch::Matchers::Contains("search.json") && Catch::Matchers::Contains("'" + key + "'"));
    };
    for (const auto& [key, value] : whole.items()) {
        Json without = whole;
        without.erase(key);
        expect_named(without, key);
    }
    const std::vector<std::pair<std::string, std::string>> of_lists{
        {"trials", "setting"}, {"trials", "rungs"},    {"decisions", "trial"},
        {"decisions", "rung"}, {"decisions", "begin"}, {"decisions", "end"}};
    for (const auto& [list, of_one] : of_lists) {
        Json without = whole;
        without[list][0].erase(of_one);
        expect_named(without, of_one);
    }
}

namespace {

/// Trials of one rung: setting, objective, second objective.
SearchRecord record_of(const std::vector<std::tuple<SearchSetting, double, double>>& trials) {
    SearchRecord made = record();
    made.epochs = {10};
    made.trials.clear();
    made.decisions.clear();
    made.second_objective = "cost";
    for (const auto& [setting, objective, second] : trials) {
        made.trials.push_back({setting, {{objective, second, 1.0}}});
    }
    made.best = {0, 0};
    return made;
}

}  // namespace

TEST_CASE("importance is the variance that a parameter explains alone", "[report][search]") {
    std::vector<std::tuple<SearchSetting, double, double>> trials;
    for (int i = 0; i < 400; ++i) {
        const int a = (i * 7) % 20;
        const int b = (i * 13) % 4;
        const double noise = ((i * 7919) % 101 - 50.0) / 50.0;  // variance about 1/3
        SearchSetting setting{{"training.patience", std::to_string(a)},
                              {"network.activation", b < 2 ? "\"relu\"" : "\"tanh\""},
                              {"training.batch", std::to_string(10 + (i * 31) % 97)}};
        trials.emplace_back(setting, 0.2 * a + noise, 1.0);
    }

    const auto importance = parameter_importance(record_of(trials));

    // 0.2 a has the variance 0.04 * (400 - 1) / 12 = 1.33; two values share a bin.
    REQUIRE(importance.size() == 3);
    CHECK(importance[0].key == "training.patience");
    CHECK(importance[0].importance == Approx(1.33 / (1.33 + 0.34)).epsilon(0.03));
    CHECK(importance[1].importance < 0.02);
    CHECK(importance[2].importance < 0.06);
}

TEST_CASE("a table of trials has a column for each key and rung", "[report][search]") {
    SearchRecord found =
        record_of({{{{"network.hidden", "[8, 8]"}, {"training.batch", "64"}}, 0.5, 7.0},
                   {{{"network.hidden", "[8]"}}, std::numeric_limits<double>::infinity(), 3.0}});
    found.epochs = {10, 20};
    found.trials[0].rungs.push_back({0.25, 9.0, 2.0});

    CHECK(
        search_csv(found) ==
        "trial,network.hidden,training.batch,loss after 10 epochs,loss after 20 epochs,cost,flop\n"
        "0,\"[8, 8]\",64,0.5,0.25,9,3\n"
        "1,[8],,inf,,3,1\n");
}

TEST_CASE("the front of a search is that of the trials that got farthest", "[report][search]") {
    SearchRecord found =
        record_of({{{}, 0.5, 7.0}, {{}, 0.6, 3.0}, {{}, 0.7, 5.0}, {{}, 0.1, 0.1}});
    found.epochs = {10, 20};
    for (int i = 0; i < 3; ++i) found.trials[i].rungs.push_back(found.trials[i].rungs[0]);
    found.best = {0, 1};

    CHECK(front_trials(found) == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("a record of the first schema is read", "[report][search]") {
    using Json = nlohmann::ordered_json;
    Json old = Json::parse(search_json(record()));
    old["schema"] = 1;
    for (const char* key :
         {"second_objective", "sampler", "given", "dropped", "repeated", "front", "importance"}) {
        old.erase(key);
    }

    const SearchRecord again = parse_search_json(old.dump());

    CHECK(search_json(again) == search_json(record()));
}
