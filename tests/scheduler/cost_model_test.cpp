#include "ratiofarm/scheduler/cost_model.hpp"

#include "ratiofarm_test/catch.hpp"

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
