#include <cmath>
#include <fstream>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "campaign/search/search_space.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_toml;
using test::replaced;

namespace {

std::string with_search(const std::string& section) { return example_toml + section; }

const std::string four_parameters = R"toml(
[search]
trials = 200
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 1e-2] }
"training.batch" = { choice = [50, 100] }
training.warmup_epochs = { uniform = [0, 2.5] }
"training.patience" = { integer = [3, 5] }
"network.hidden" = { choice = [[64, 64], [8]] }
)toml";

std::string message_of(const std::string& section) {
    try {
        parse_campaign(with_search(section), ".");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct Mistake {
    std::string section;
    std::string part_of_message;
};

}  // namespace

TEST_CASE("a search is read, written and read again", "[campaign][search]") {
    const std::string text = with_search(
        "[search]\ntrials = 9\nreduction = 4\nfirst_rung = 3\nparallel = 5\n"
        "objective = \"closure\"\nprocesses = [\"B\", \"S\"]\n[search.parameters]\n"
        "\"training.learning_rate\" = { log_uniform = [1e-4, 0.01] }\n"
        "\"training.patience\" = { integer = [2, 7] }\n"
        "\"training.clip_norm\" = { uniform = [0, 2] }\n"
        "\"network.activation\" = { choice = [\"silu\", \"tanh\"] }\n");

    const Campaign campaign = parse_campaign(text, "/campaigns");

    REQUIRE(campaign.search);
    const SearchSection expected{
        .trials = 9,
        .reduction = 4,
        .first_rung = 3,
        .parallel = 5,
        .objective = SearchObjective::closure,
        .processes = {"B", "S"},
        .parameters = {{"training.learning_rate", SearchKind::log_uniform, 1e-4, 0.01, {}},
                       {"training.patience", SearchKind::integer, 2, 7, {}},
                       {"training.clip_norm", SearchKind::uniform, 0, 2, {}},
                       {"network.activation", SearchKind::choice, 0, 0, {"\"silu\"", "\"tanh\""}}}};
    CHECK(*campaign.search == expected);
    CHECK(parse_campaign(campaign_toml(campaign), "/campaigns") == campaign);
}

TEST_CASE("samplers, given points and conditions are written as they are read",
          "[campaign][search]") {
    const std::string text = with_search(
        "[search]\ntrials = 9\nsampler = \"external\"\ncommand = \"python3 s.py %IN %OUT\"\n"
        "generation = 3\ntimeout_seconds = 5.5\ncost_limit = 4.0\nsecond_objective = \"cost\"\n"
        "points = [{ \"training.schedule\" = \"cosine\", \"training.batch\" = 50 }]\n"
        "[search.parameters]\n"
        "\"training.batch\" = { log_integer = [50, 100] }\n"
        "\"training.schedule\" = { choice = [\"step\", \"cosine\"] }\n"
        "\"training.schedule_factor\" = { uniform = [0.1, 0.9], when = { \"training.schedule\" = "
        "[\"step\"] } }\n");

    const Campaign campaign = parse_campaign(text, "/campaigns");

    REQUIRE(campaign.search);
    const SearchSection& search = *campaign.search;
    CHECK(search.sampler == SearchSampler::external);
    CHECK(search.command == "python3 s.py %IN %OUT");
    CHECK(search.points == std::vector<SearchSetting>{
                               {{"training.batch", "50"}, {"training.schedule", "\"cosine\""}}});
    CHECK(search.parameters[2].when_key == "training.schedule");
    CHECK(search.parameters[2].when_values == std::vector<std::string>{"\"step\""});
    CHECK(parse_campaign(campaign_toml(campaign), "/campaigns") == campaign);
}

TEST_CASE("points are read from a file beside the campaign", "[campaign][search]") {
    const test::TemporaryDirectory folder;
    std::ofstream(folder.path() / "points.json") << R"([{"training.patience": 4}])";
    const std::string text = with_search(
        "[search]\npoints = \"points.json\"\n[search.parameters]\n"
        "\"training.patience\" = { integer = [2, 7] }\n");

    const Campaign campaign = parse_campaign(text, folder.path());

    CHECK(campaign.search->points == std::vector<SearchSetting>{{{"training.patience", "4"}}});
    // The resolved campaign needs no other file.
    CHECK(campaign_toml(campaign).find("points = [{ \"training.patience\" = 4 }]") !=
          std::string::npos);
}

TEST_CASE("every mistake of a search is told", "[campaign][search]") {
    const std::string rate = "\"training.learning_rate\" = { log_uniform = [1e-4, 1e-2] }\n";
    const auto mistake = GENERATE_COPY(values<Mistake>({
        {"[search]\n", "search.parameters is missing"},
        {"[search]\ntrails = 3\n[search.parameters]\n" + rate,
         "search.trails = 3 (unknown key; did you mean 'trials'?)"},
        {"[search.parameters]\n\"training.learning_rat\" = { uniform = [1, 2] }\n",
         "search.parameters.\"training.learning_rat\" (no key of [network] or [training]; did you "
         "mean 'training.learning_rate'?)"},
        {"[search.parameters]\n\"ensemble.replicas\" = { choice = [1, 2] }\n",
         "no key of [network] or [training]"},
        {"[search.parameters]\n\"ensemble.members\" = { choice = [0, 2] }\n",
         "ensemble.members = 0 (must be a whole number from 1 to 100)"},
        {"[search]\nmembers = 2\n[search.parameters]\n\"ensemble.members\" = { choice = [1, 2] }\n",
         "search.members = 2 (ensemble.members is searched; leave it out)"},
        {"[search]\nfirst_members = 2\n[search.parameters]\n" + rate,
         "search.first_members = 2 (needs search.members, or a searched ensemble.members)"},
        {"[search]\nmembers = 2\nfirst_members = 3\n[search.parameters]\n" + rate,
         "search.first_members = 3 (must be at most search.members = 2)"},
        {"[search.parameters]\n\"training.epochs\" = { choice = [1, 2] }\n",
         "every trial has the campaign's training.epochs; it cannot be searched"},
        {"[search.parameters]\n\"training.batch\" = { choise = [1, 2] }\n",
         "choise (unknown key; did you mean 'choice'?)"},
        {"[search.parameters]\n\"training.batch\" = 100\n",
         "must be a table with the keys uniform"},
        {"[search.parameters]\n\"training.batch\" = { choice = [1], integer = [1, 2] }\n",
         "must have one of uniform, log_uniform, integer, log_integer or choice"},
        {"[search.parameters]\n\"training.batch\" = { choice = [10, 10] }\n", "10 is listed twice"},
        {"[search.parameters]\n\"training.batch\" = { choice = [] }\n", "not empty"},
        {"[search.parameters]\n\"training.learning_rate\" = { uniform = [2, 1] }\n",
         "must be [low, high] with low < high"},
        {"[search.parameters]\n\"training.learning_rate\" = { log_uniform = [0, 1] }\n",
         "must be a number > 0"},
        {"[search.parameters]\n\"training.patience\" = { integer = [1.5, 3] }\n",
         "must be whole numbers"},
        {"[search.parameters]\n\"training.learning_rate\" = { uniform = [0.1, 20] }\n",
         "training.learning_rate = 20.0 (must be a number > 0 and <= 10)"},
        {"[search.parameters]\n\"training.batch\" = { uniform = [10, 20] }\n",
         "(must be a whole number from 1"},
        {"[search.parameters]\n\"network.activation\" = { choice = [\"silu\", \"relo\"] }\n",
         "network.activation = \"relo\" (must be one of relu, silu, tanh, gelu; did you mean "
         "'relu'?)"},
        {"[search]\nprocesses = [\"SBJ\"]\n[search.parameters]\n" + rate,
         "no process 'SBJ'; did you mean 'SBI'?"},
        {"[search]\nobjective = \"sigma\"\nprocesses = [\"S\"]\n[search.parameters]\n" + rate,
         "need the nets of all processes"},
        {"[search]\nobjective = \"sigmo\"\n[search.parameters]\n" + rate,
         "must be one of loss, excess, closure, calibration, sigma, coverage; did you mean "
         "'sigma'?"},
        {"[search]\nfirst_rung = 11\n[search.parameters]\n" + rate,
         "must be at most training.epochs = 10"},
        {"[search]\ntrials = 8\nfirst_rung = 1\n[search.parameters]\n" + rate,
         "search.trials = 8 (none of them would reach the last of 3 rungs, which takes 9; raise "
         "trials or first_rung)"},
        {"[search]\ntrials = 1\n[search.parameters]\n" + rate, "whole number from 2 to 1000"},
        {"[search]\nsampler = \"tpf\"\n[search.parameters]\n" + rate,
         "must be one of random, sobol, tpe, cmaes, nsga2, external; did you mean 'tpe'?"},
        {"[search]\nsampler = \"external\"\n[search.parameters]\n" + rate,
         "search.command is missing (the program that proposes points"},
        {"[search]\nsampler = \"external\"\ncommand = \"./steer %IN\"\n[search.parameters]\n" +
             rate,
         "must contain %OUT, the file that the program writes its points to; a program that "
         "answers"},
        {"[search]\ncommand = \"./steer %IN %OUT\"\n[search.parameters]\n" + rate,
         "only sampler = \"external\" runs a command"},
        {"[search]\nsampler = \"cmaes\"\n[search.parameters]\n" + rate,
         "sampler = \"cmaes\" (needs 2 to 20 parameters"},
        {"[search]\nsampler = \"cmaes\"\n[search.parameters]\n" + rate +
             "\"training.batch\" = { choice = [50, 100] }\n",
         "training.batch is a choice"},
        {"[search]\nsampler = \"cmaes\"\nfirst_rung = 3\n[search.parameters]\n" + rate +
             "\"training.batch\" = { integer = [50, 100] }\n",
         "set first_rung = 10"},
        {"[search]\nsampler = \"cmaes\"\nfirst_rung = 10\ntrials = 11\n[search.parameters]\n" +
             rate + "\"training.batch\" = { integer = [50, 100] }\n",
         "learns from generations of 6; set trials to at least 12"},
        {"[search]\nsampler = \"nsga2\"\nfirst_rung = 10\n[search.parameters]\n" + rate,
         "needs a second_objective"},
        {"[search]\nsampler = \"nsga2\"\nfirst_rung = 10\ngeneration = 20\n"
         "second_objective = \"cost\"\n[search.parameters]\n" +
             rate,
         "learns from generations of 20; set trials to at least 40"},
        {"[search]\nsecond_objective = \"loss\"\n[search.parameters]\n" + rate,
         "is the objective itself"},
        {"[search]\npoints = \"none.json\"\n[search.parameters]\n" + rate,
         "search.points = \"none.json\": cannot be read"},
        {"[search]\npoints = [{ \"training.learning_rate\" = 0.5 }]\n[search.parameters]\n" + rate,
         "search.points[0]: training.learning_rate = 0.5 (lies outside the space"},
        {"[search]\ntrials = 2\nfirst_rung = 10\npoints = [{ \"training.learning_rate\" = 1e-3 }, "
         "{ "
         "\"training.learning_rate\" = 2e-3 }, { \"training.learning_rate\" = 3e-3 }]\n"
         "[search.parameters]\n" +
             rate,
         "3 points for 2 trials"},
        {"[search.parameters]\n\"training.batch\" = { choice = [1], when = 3 }\n",
         "must be a table of one searched key"},
        {"[search.parameters]\n\"training.batch\" = { choice = [50], when = { "
         "\"training.patience\" = "
         "[3] } }\n",
         "'training.patience' must be a searched key with a choice"},
        {"[search.parameters]\n\"training.batch\" = { choice = [50], when = { "
         "\"network.activation\" "
         "= [\"relo\"] } }\n\"network.activation\" = { choice = [\"relu\"] }\n",
         "\"relo\" is no choice of 'network.activation'"},
        {"[search.parameters]\n\"training.batch\" = { log_integer = [0, 10] }\n",
         "must be a number > 0"},
    }));

    const std::string message = message_of(mistake.section);
    INFO(message);
    CHECK(has(message, mistake.part_of_message));
}

TEST_CASE("values that do not go together are told before anything is trained",
          "[campaign][search]") {
    // Each value goes with some of the others; a plateau needs patience > schedule_epochs = 10.
    const std::string both =
        "[search.parameters]\n\"training.schedule\" = { choice = [\"cosine\", \"plateau\"] }\n"
        "\"training.patience\" = { integer = [5, 15] }\n";

    const std::string message = message_of(both);

    INFO(message);
    CHECK(has(message, "which do not go together"));
    CHECK(has(message, "training.schedule = \"plateau\", training.patience = "));
    CHECK(has(message, "raise patience or lower schedule_epochs"));
}

TEST_CASE("a word that no drawn value goes with is told", "[campaign][search]") {
    const std::string both =
        "[search.parameters]\n\"training.optimizer\" = { choice = [\"adam\", \"adamw\"] }\n"
        "\"training.weight_decay\" = { uniform = [0.01, 0.1] }\n";

    CHECK(has(message_of(both), "search.parameters.\"training.optimizer\": training.weight_decay"));
}

TEST_CASE("what a searched word has no use for is left out", "[campaign][search]") {
    const std::string text =
        replaced(example_toml, "batch = 100",
                 "batch = 100\nschedule = \"step\"\nschedule_factor = 0.5\noptimizer = \"adamw\"\n"
                 "weight_decay = 0.25\n");
    const Campaign campaign = parse_campaign(
        text +
            "[search.parameters]\n\"training.schedule\" = { choice = [\"step\", \"cosine\"] }\n"
            "\"training.optimizer\" = { choice = [\"adam\", \"adamw\"] }\n",
        "/campaigns");

    const Campaign other = with_setting(
        campaign, {{"training.schedule", "\"cosine\""}, {"training.optimizer", "\"adam\""}});
    const Campaign same = with_setting(
        campaign, {{"training.schedule", "\"step\""}, {"training.optimizer", "\"adamw\""}});

    CHECK(other.training.schedule == Schedule::cosine);
    CHECK(other.training.weight_decay == 0.0);
    CHECK(same.training == campaign.training);
}

TEST_CASE("draws lie in their ranges and spread over them", "[campaign][search]") {
    const Campaign campaign = parse_campaign(with_search(four_parameters), "/campaigns");
    std::set<std::string> patience;
    std::set<std::string> hidden;
    double logs = 0.0;
    double warm = 0.0;

    for (std::uint32_t trial = 0; trial < 200; ++trial) {
        const SearchSetting setting = draw_setting(*campaign.search, campaign.seed, trial);
        const TrainingOptions options = with_setting(campaign, setting).training;
        CHECK((options.learning_rate >= 1e-4 && options.learning_rate <= 1e-2));
        CHECK((options.warmup_epochs >= 0.0 && options.warmup_epochs <= 2.5));
        CHECK((options.patience >= 3 && options.patience <= 5));
        CHECK((options.batch == 50 || options.batch == 100));
        logs += std::log10(options.learning_rate) / 200;
        warm += options.warmup_epochs / 200;
        patience.insert(setting[3].second);
        hidden.insert(setting[4].second);
    }

    // Means of 200 draws; five standard deviations of the mean are 5 range / sqrt(12 * 200).
    CHECK(std::abs(logs + 3.0) < 5 * 2.0 / std::sqrt(2400.0));
    CHECK(std::abs(warm - 1.25) < 5 * 2.5 / std::sqrt(2400.0));
    CHECK(patience == std::set<std::string>{"3", "4", "5"});
    CHECK(hidden == std::set<std::string>{"[64, 64]", "[8]"});
}

TEST_CASE("a draw depends on seed, trial and key alone", "[campaign][search]") {
    const Campaign all = parse_campaign(with_search(four_parameters), "/campaigns");
    const Campaign one =
        parse_campaign(with_search("[search]\ntrials = 7\n[search.parameters]\n"
                                   "\"training.patience\" = { integer = [3, 5] }\n"),
                       "/campaigns");
    const std::uint64_t other_seed = all.seed + 1;

    CHECK(draw_setting(*all.search, all.seed, 6)[3] == draw_setting(*one.search, one.seed, 6)[0]);
    CHECK(draw_setting(*all.search, all.seed, 6) != draw_setting(*all.search, all.seed, 7));
    CHECK(draw_setting(*all.search, all.seed, 6) != draw_setting(*all.search, other_seed, 6));
}

TEST_CASE("a setting reaches the campaign and nothing else changes", "[campaign][search]") {
    const Campaign campaign = parse_campaign(with_search(four_parameters), "/campaigns");

    const Campaign set = with_setting(
        campaign, {{"training.learning_rate", "0.5"}, {"network.hidden", "[3, 2, 1]"}});

    Campaign expected = campaign;
    expected.search.reset();
    expected.training.learning_rate = 0.5;
    expected.network.hidden = {3, 2, 1};
    CHECK(set == expected);
    CHECK_THROWS_AS(with_setting(campaign, {{"training.batch", "0"}}), ConfigError);
}

TEST_CASE("rungs are parts of all epochs", "[campaign][search]") {
    const auto rungs = [](std::uint32_t reduction, std::uint32_t first, std::uint32_t epochs) {
        SearchSection search;
        search.reduction = reduction;
        search.first_rung = first;
        return rung_epochs(search, epochs);
    };

    CHECK(rungs(3, 2, 60) == std::vector<std::uint32_t>{2, 7, 20, 60});
    CHECK(rungs(3, 3, 60) == std::vector<std::uint32_t>{7, 20, 60});
    CHECK(rungs(4, 1, 16) == std::vector<std::uint32_t>{1, 4, 16});
    CHECK(rungs(2, 1, 3) == std::vector<std::uint32_t>{1, 2, 3});
    CHECK(rungs(2, 5, 5) == std::vector<std::uint32_t>{5});
}
