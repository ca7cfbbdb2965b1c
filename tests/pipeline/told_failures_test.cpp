#include "pipeline/told_failures.hpp"

#include "ratiofarm_test/catch.hpp"

using ratiofarm::told_failures;
using Lines = std::vector<std::string>;

TEST_CASE("a reason of several tasks is told once, with their number") {
    CHECK(told_failures({"a: disk full", "b: diverged", "c: disk full", "d: disk full"}) ==
          Lines{"a and 2 more: disk full", "b: diverged"});
}

TEST_CASE("tasks that wait for one that failed are a number") {
    CHECK(told_failures({"a: diverged", "b: not begun: it needs 'a', which failed",
                         "c: not begun: it needs 'a', which failed"}) ==
          Lines{"a: diverged", "2 tasks were not begun: they need results of those that failed"});
    CHECK(told_failures({"a: diverged", "b: not begun: it needs 'a', which failed"}).back() ==
          "1 task was not begun: it needs results of those that failed");
}

TEST_CASE("a task is named once, and a failure without a reason stays") {
    CHECK(told_failures({"a: a: diverged", "B is incomplete"}) ==
          Lines{"a: diverged", "B is incomplete"});
    CHECK(told_failures({"B is incomplete", "C is incomplete"}).size() == 2);
}
