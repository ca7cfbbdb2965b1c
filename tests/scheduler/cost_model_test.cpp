#include "scheduler/cost_model.hpp"

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;

namespace {

TaskIdentity training_of(const std::string& ensemble) {
    return {.kind = TaskKind::training, .family = ensemble, .nets = 1};
}

TaskIdentity toys_of(const std::string& truth) { return {.kind = TaskKind::toys, .family = truth}; }

}  // namespace

TEST_CASE("untaught costs are in the order of the FLOP") {
    const CostModel costs;

    CHECK(costs.seconds(training_of("S"), 4e9) == 4.0);
    CHECK(costs.seconds(training_of("B"), 2e9) == 2.0);
}

TEST_CASE("a family that stops early becomes cheaper than its FLOP say") {
    CostModel costs;
    for (int i = 0; i < 9; ++i) costs.learn(training_of("S"), 1e9, 1.0);
    for (int i = 0; i < 9; ++i) costs.learn(training_of("B"), 1e9, 3.0);

    // Rate of all: 2 s per GFLOP; nine tasks of the family and one of all: (9 * 1 + 2) / 10.
    CHECK(costs.seconds(training_of("S"), 1e9) == Approx(1.1));
    CHECK(costs.seconds(training_of("B"), 2e9) == Approx(5.8));
    CHECK(costs.seconds(training_of("new"), 1e9) == Approx(2.0));
}

TEST_CASE("what says nothing about the cost is not learned") {
    CostModel costs;
    costs.learn(training_of("S"), 0.0, 5.0);
    costs.learn({.kind = TaskKind::unknown, .family = "S"}, 1e9, 5.0);
    costs.learn(toys_of(""), 100.0, 5.0);

    CHECK(costs.tasks() == 0);
    CHECK(costs.toy_tasks() == 0);
    CHECK(costs.families().empty());
}

TEST_CASE("toys are counted in toys and teach nothing of nets") {
    CostModel costs;
    costs.learn(training_of("S"), 1e9, 2.0);
    costs.learn(toys_of("mu = 1"), 100.0, 50.0);

    CHECK(costs.tasks() == 1);
    CHECK(costs.toy_tasks() == 1);
    CHECK(costs.seconds(training_of("B"), 1e9) == Approx(2.0));
    CHECK(costs.seconds(toys_of("mu = 2"), 10.0) == Approx(5.0));
    CHECK(costs.seconds({.kind = TaskKind::gof, .family = "mu = 1"}, 10.0) == Approx(5.0));
}

TEST_CASE("ensembles that are called like other tasks are nets like all others") {
    CostModel costs;
    for (const char* name : {"toys", "toys/mu = 1", "gof", "search", "search/S", "S/fold 1"}) {
        costs.learn(training_of(name), 1e9, 2.0);
    }
    costs.learn(toys_of("mu = 1"), 100.0, 50.0);
    costs.learn({.kind = TaskKind::trial, .family = "S"}, 1e9, 2.0);

    CHECK(costs.tasks() == 7);
    CHECK(costs.toy_tasks() == 1);
    CHECK(costs.seconds(training_of("toys/mu = 1"), 1e9) == Approx(2.0));
    CHECK(costs.seconds(toys_of("mu = 1"), 1.0) == Approx(0.5));
    CHECK(costs.families().size() == 8);
}

TEST_CASE("people are told families by the beginnings of the tasks' names") {
    CHECK(family_text(TaskKind::training, "S/scale/up") == "S/scale/up");
    CHECK(family_text(TaskKind::inference, "S on SBI") == "S on SBI");
    CHECK(family_text(TaskKind::trial, "S") == "search/S");
    CHECK(family_text(TaskKind::toys, "mu = 1") == "toys/mu = 1");
    CHECK(family_text(TaskKind::gof, "mu = 1") == "toys/gof mu = 1");
}

TEST_CASE("what was learned survives the end of the farm and the compaction of its journal") {
    const test::TemporaryDirectory folder;
    const auto path = folder.path() / "journal.jsonl";
    for (int farm = 0; farm < 4; ++farm) {
        Journal journal(path, read_journal(path));
        for (std::uint64_t i = 0; i < 400; ++i) {
            TaskCommitted event{
                .task = {i, 1},
                .name = (i % 2 == 0 ? "S/member " : "B/member ") + std::to_string(i),
                .identity = training_of(i % 2 == 0 ? "S" : "B"),
                .result = {.seconds = 0.125 * static_cast<double>(1 + i % 2)},
                .flop = 1e9};
            event.result.resumed = i % 10 == 1;
            event.adopted = i % 10 == 3;
            journal.write(event);
        }
        journal.flush();
    }
    const JournalState whole = read_journal(path);
    REQUIRE(worth_compacting(whole));

    const auto before = learned_costs(whole).families();
    const auto after = learned_costs(compact_journal(path, whole)).families();

    // Of 200 tasks of B a fifth each were resumed or adopted.
    REQUIRE(before.size() == 2);
    CHECK(before[0].name == "B");
    CHECK(before[0].tasks == 120);
    CHECK(before[0].seconds == 120 * 0.25);
    CHECK(before[1].tasks == 200);
    REQUIRE(after.size() == 2);
    for (std::size_t family = 0; family < 2; ++family) {
        CHECK(after[family].kind == TaskKind::training);
        CHECK(after[family].tasks == before[family].tasks);
        CHECK(after[family].flop == before[family].flop);
        CHECK(after[family].seconds == before[family].seconds);
    }
}
