#include "scheduler/cost_model.hpp"

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;

TEST_CASE("tasks are of one kind up to the last slash or their rows") {
    CHECK(task_kind("S/member 3") == "S");
    CHECK(task_kind("Z1/up/member 3") == "Z1/up");
    CHECK(task_kind("S on SBI rows 0..262144") == "S on SBI");
    CHECK(task_kind("S/scale/up on SBI rows 0..262144") == "S/scale/up on SBI");
    CHECK(task_kind("S/fold 1/members 0..7") == "S/fold 1");
    CHECK(task_kind("S/member 3/replacement 1") == "S");
    CHECK(task_kind("toy") == "toy");
}

TEST_CASE("untaught costs are in the order of the FLOP") {
    const CostModel costs;

    CHECK(costs.seconds("S/member 0", 4e9) == 4.0);
    CHECK(costs.seconds("B/member 0", 2e9) == 2.0);
}

TEST_CASE("a kind that stops early becomes cheaper than its FLOP say") {
    CostModel costs;
    for (int i = 0; i < 9; ++i) costs.learn("S/member 0", 1e9, 1.0);
    for (int i = 0; i < 9; ++i) costs.learn("B/member 0", 1e9, 3.0);

    // Rate of all: 2 s per GFLOP; nine tasks of the kind and one of all: (9 * 1 + 2) / 10.
    CHECK(costs.seconds("S/member 5", 1e9) == Approx(1.1));
    CHECK(costs.seconds("B/member 5", 2e9) == Approx(5.8));
    CHECK(costs.seconds("new/member 0", 1e9) == Approx(2.0));
}

TEST_CASE("what says nothing about the cost is not learned") {
    CostModel costs;
    costs.learn("S/member 0", 0.0, 5.0);

    CHECK(costs.tasks() == 0);
    CHECK(costs.kinds().empty());
}

TEST_CASE("toys are counted in toys and teach nothing of nets") {
    CostModel costs;
    costs.learn("S/member 0", 1e9, 2.0);
    costs.learn("toys/mu = 1/0", 100.0, 50.0);

    CHECK(costs.tasks() == 1);
    CHECK(costs.toy_tasks() == 1);
    CHECK(costs.seconds("B/member 0", 1e9) == Approx(2.0));
    CHECK(costs.seconds("toys/mu = 2/0", 10.0) == Approx(5.0));
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
                .seconds = 0.125 * static_cast<double>(1 + i % 2),
                .flop = 1e9};
            event.resumed = i % 10 == 1;
            event.adopted = i % 10 == 3;
            journal.write(event);
        }
        journal.flush();
    }
    const JournalState whole = read_journal(path);
    REQUIRE(worth_compacting(whole));

    const CostModel before = learned_costs(whole);
    const CostModel after = learned_costs(compact_journal(path, whole));

    // Of 200 tasks of B a fifth each were resumed or adopted.
    REQUIRE(before.kinds().size() == 2);
    CHECK(before.kinds()[0].name == "B");
    CHECK(before.kinds()[0].tasks == 120);
    CHECK(before.kinds()[0].seconds == 120 * 0.25);
    CHECK(before.kinds()[1].tasks == 200);
    for (std::size_t kind = 0; kind < 2; ++kind) {
        CHECK(after.kinds()[kind].tasks == before.kinds()[kind].tasks);
        CHECK(after.kinds()[kind].flop == before.kinds()[kind].flop);
        CHECK(after.kinds()[kind].seconds == before.kinds()[kind].seconds);
    }
}
