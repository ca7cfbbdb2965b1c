#include "campaign/search/search_plan.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/cost.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_samples;
using test::example_toml;
using test::replaced;

namespace {

const std::string section = R"toml(
[search]
trials = 9
first_rung = 1
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 1e-2] }
"network.hidden" = { choice = [[64, 64], [8]] }
)toml";

SearchPlan plan_of(const std::string& toml) {
    const Campaign campaign = parse_campaign(toml, "/campaigns");
    return make_search_plan({campaign, example_samples(), "cpu"});
}

}  // namespace

TEST_CASE("a trial is the training of its setting, cut into rungs", "[campaign][search]") {
    const Campaign campaign = parse_campaign(example_toml + section, "/campaigns");
    const SearchPlan plan = plan_of(example_toml + section);

    REQUIRE(plan.epochs == std::vector<std::uint32_t>{1, 3, 10});
    REQUIRE(plan.tasks.size() == 9 * 3 * 3);
    const Campaign own = with_setting(campaign, plan.settings[4]);
    const TaskGraph graph = make_task_graph(own, example_samples(), "cpu");
    double flop = 0.0;
    for (std::uint32_t rung = 0; rung < 3; ++rung) {
        const TrainTask& task = plan.tasks_of({4, rung})[1];
        CHECK(task.name == "search/SBI trial 4 rung " + std::to_string(rung));
        CHECK(task.identity == TaskIdentity{.kind = TaskKind::trial, .family = "SBI"});
        CHECK(task.common->network == own.network);
        CHECK(task.common->training == own.training);
        CHECK(task.common->continuation.stop_epoch == plan.epochs[rung]);
        CHECK(task.net_requests.size() == 1);
        if (rung > 0) {
            CHECK(task.common->continuation.from_task == plan.tasks_of({4, rung - 1})[1].digest);
        }
        flop += task.flop;
    }
    // Three members of each process in the campaign, one in a trial.
    const auto& whole = graph.trainings[3];
    REQUIRE(whole.name == "SBI/member 0");
    CHECK(flop == Approx(whole.flop).epsilon(1e-12));
    double all = 0.0;
    for (const TrainTask& task : plan.tasks) all += task.flop;
    CHECK(plan.grid_flop(9) == Approx(all).epsilon(1e-12));
}

TEST_CASE("a trial of several members trains nets that differ in their seeds",
          "[campaign][search]") {
    const SearchPlan one = plan_of(example_toml + section);
    const SearchPlan three =
        plan_of(replaced(example_toml + section, "trials = 9", "trials = 9\nmembers = 3"));
    std::set<std::string> digests;
    for (const TrainTask& task : three.tasks) digests.insert(task.digest.hex());

    REQUIRE(three.tasks.size() == 3 * one.tasks.size());
    CHECK(digests.size() == three.tasks.size());
    const auto nets = three.tasks_of({4, 1});
    const auto first = one.tasks_of({4, 1});
    REQUIRE(nets.size() == 9);
    for (std::size_t process = 0; process < 3; ++process) {
        CHECK(nets[3 * process].digest == first[process].digest);
        CHECK(nets[3 * process + 2].name ==
              "search/" + first[process].identity.family + " trial 4 member 2 rung 1");
        CHECK(nets[3 * process + 2].common->continuation.from_task ==
              three.tasks_of({4, 0})[3 * process + 2].digest);
    }
    CHECK(three.grid_flop(9) == Approx(3 * one.grid_flop(9)));
    CHECK(three.digest != one.digest);
}

TEST_CASE("tasks of a search have digests of their own and keep them when it grows",
          "[campaign][search]") {
    const SearchPlan plan = plan_of(example_toml + section);
    const SearchPlan more = plan_of(replaced(example_toml + section, "trials = 9", "trials = 12"));
    std::set<std::string> digests;

    for (const TrainTask& task : plan.tasks) digests.insert(task.digest.hex());

    CHECK(digests.size() == plan.tasks.size());
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
        CHECK(plan.tasks[i].digest == more.tasks[i].digest);
    }
    CHECK(plan.digest != more.digest);
    CHECK(plan.digest == plan_of(example_toml + section).digest);
    CHECK(plan.digest != plan_of(replaced(example_toml + section, "trials = 9",
                                          "trials = 9\nobjective = \"closure\""))
                             .digest);
}

TEST_CASE("a sampler that learns plans what it is given and keeps its rules in the digest",
          "[campaign][search]") {
    const std::string given =
        "\npoints = [{ \"training.learning_rate\" = 0.001, \"network.hidden\" = [8] }]";
    const std::string toml =
        replaced(example_toml + section, "trials = 9", "trials = 9\nsampler = \"tpe\"" + given);
    const Campaign campaign = parse_campaign(toml, "/campaigns");
    SearchPlan plan = plan_of(toml);
    const SearchPlan all = plan_of(
        replaced(example_toml + section, "trials = 9", "trials = 9\nsampler = \"sobol\"" + given));

    REQUIRE(plan.settings.size() == 1);
    CHECK(plan.settings[0][0].second == "0.001");
    CHECK(plan.tasks.size() == 9);
    CHECK(plan.settings[0] == all.settings[0]);
    CHECK(all.settings.size() == 9);
    CHECK(plan.digest != plan_of(replaced(toml, "0.001", "0.002")).digest);
    CHECK(plan.digest != plan_of(replaced(toml, "[1e-4, 1e-2]", "[1e-4, 1.1e-2]")).digest);
    CHECK(plan.digest != plan_of(replaced(toml, "batch = 100", "batch = 90")).digest);
    CHECK(plan.digest == plan_of(toml).digest);
    // The same setting is the same training, whoever proposed it.
    add_trial(plan, {campaign, example_samples(), "cpu"}, all.settings[1]);
    CHECK(plan.tasks_of({1, 2})[0].digest == all.tasks_of({1, 2})[0].digest);
}

TEST_CASE("a limit of the cost counts trainings of the campaign's own setting",
          "[campaign][search]") {
    const std::string toml =
        replaced(example_toml + section, "trials = 9", "trials = 9\ncost_limit = 2.5");
    const Campaign campaign = parse_campaign(toml, "/campaigns");
    double own = 0.0;
    for (const TrainTask& task : make_task_graph(campaign, example_samples(), "cpu").trainings) {
        if (task.name.ends_with("/member 0")) own += task.flop;
    }

    CHECK(plan_of(toml).cost_limit == Approx(2.5 * own));
    CHECK(std::isinf(plan_of(example_toml + section).cost_limit));
}

TEST_CASE("a batch that is more than the events is told before anything is trained",
          "[campaign][search]") {
    const std::string toml =
        replaced(example_toml + section, "\"network.hidden\" = { choice = [[64, 64], [8]] }",
                 "\"training.batch\" = { choice = [10, 100000] }");

    CHECK_THROWS_AS(plan_of(toml), ConfigError);
}

TEST_CASE("objectives are small for good nets and infinite for failures", "[campaign][search]") {
    TrainedNet net;
    net.validation_loss = {0.7, 0.5, 0.6};
    net.best_validation_loss = 0.5;
    net.quality.excess = -0.25;
    net.quality.calibration_slope = 0.75;
    net.quality.closure = {0.3, 0.4};
    const auto search_objective = [&](SearchObjective objective, const TrainedNet& one, Keep keep) {
        const std::array members{&one};
        return ratiofarm::search_objective(objective, members, keep);
    };

    CHECK(search_objective(SearchObjective::loss, net, Keep::best) == 0.5);
    CHECK(search_objective(SearchObjective::loss, net, Keep::last) == 0.6);
    CHECK(search_objective(SearchObjective::excess, net, Keep::best) == 0.25);
    CHECK(search_objective(SearchObjective::calibration, net, Keep::best) == 0.25);
    CHECK(search_objective(SearchObjective::closure, net, Keep::best) ==
          Approx(std::sqrt((0.09 + 0.16) / 2)));

    net.quality.calibration_slope = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isinf(search_objective(SearchObjective::calibration, net, Keep::best)));
    net.quality.not_finite = 1;
    CHECK(std::isinf(search_objective(SearchObjective::loss, net, Keep::best)));
    net.quality.not_finite = 0;
    net.failure = "diverged";
    CHECK(std::isinf(search_objective(SearchObjective::loss, net, Keep::best)));
}

TEST_CASE("the excess of members is that of their mean ratio", "[campaign][search]") {
    std::array<TrainedNet, 3> nets;
    for (std::size_t i = 0; i < nets.size(); ++i) {
        nets[i].validation_loss = {0.5};
        nets[i].quality.excess = std::array{0.30, -0.10, -0.05}[i];
        nets[i].quality.calibration_slope = std::array{0.9, 1.1, 1.1}[i];
    }
    const std::array members{&nets[0], &nets[1], &nets[2]};

    // E[(r_1 + r_2 + r_3) / 3] - 1 = (1.30 + 0.90 + 0.95) / 3 - 1.
    CHECK(search_objective(SearchObjective::excess, members, Keep::best) == Approx(0.05));
    CHECK(search_objective(SearchObjective::calibration, members, Keep::best) == Approx(0.1));
    nets[1].failure = "diverged";
    CHECK(std::isinf(search_objective(SearchObjective::excess, members, Keep::best)));
}

TEST_CASE("members are halved like epochs, and each net begins once", "[campaign][search]") {
    const std::string keys = "trials = 9\nmembers = 6\nfirst_members = 1";
    const SearchPlan plan = plan_of(replaced(example_toml + section, "trials = 9", keys));

    // Three processes; 10 epochs, reduction 3: rungs after 1, 3 and 10; 6 / 9, 6 / 3 and 6 members.
    REQUIRE(plan.epochs == std::vector<std::uint32_t>{1, 3, 10});
    CHECK(plan.tasks_of({4, 0}).size() == 3);
    CHECK(plan.tasks_of({4, 1}).size() == 6);
    const auto last = plan.tasks_of({4, 2});
    REQUIRE(last.size() == 18);
    const auto before = plan.tasks_of({4, 1});
    CHECK(last[0].common->continuation.from_task == before[0].digest);
    CHECK(last[1].common->continuation.from_task == before[1].digest);
    CHECK(last[2].common->continuation.from_task == Digest{});
    CHECK(before[1].common->continuation.from_task == Digest{});
    CHECK(before[1].common->continuation.stop_epoch == 3);
    // What is trained is paid: the first net 1 + 2 + 7 epochs, the second 3 + 7, four others 10.
    double flop = 0.0;
    for (std::uint32_t rung = 0; rung < 3; ++rung) flop += plan.halving.cost_of(4, rung);
    const SearchPlan one = plan_of(example_toml + section);
    double of_one = 0.0;
    for (std::uint32_t rung = 0; rung < 3; ++rung) of_one += one.halving.cost_of(4, rung);
    CHECK(flop == Approx(6.0 * of_one));
    CHECK(last[0].digest == one.tasks_of({4, 2})[0].digest);
}

TEST_CASE("the number of members is searched like any other key", "[campaign][search]") {
    const Campaign campaign = parse_campaign(
        replaced(example_toml + section, "\"network.hidden\" = { choice = [[64, 64], [8]] }",
                 "\"ensemble.members\" = { integer = [1, 4] }"),
        "/campaigns");
    const SearchPlan plan = make_search_plan({campaign, example_samples(), "cpu"});

    std::set<std::size_t> seen;
    for (std::uint32_t trial = 0; trial < 9; ++trial) {
        const std::string members = *value_of(plan.settings[trial], "ensemble.members");
        const std::size_t nets = plan.tasks_of({trial, 2}).size() / 3;
        CHECK(std::to_string(nets) == members);
        seen.insert(nets);
        CHECK(with_setting(campaign, plan.settings[trial]).ensemble.members == nets);
    }
    CHECK(seen.size() > 2);
}
