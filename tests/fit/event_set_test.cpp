#include "ratiofarm/fit/event_set.hpp"

#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

TEST_CASE("a range of joined sets is cut into rows of each", "[fit]") {
    const std::vector<std::uint64_t> sizes{3, 0, 5, 2};

    CHECK(rows_of_range(sizes, {0, 10}) ==
          std::vector<SetRows>{{0, {0, 3}}, {2, {0, 5}}, {3, {0, 2}}});
    CHECK(rows_of_range(sizes, {2, 4}) == std::vector<SetRows>{{0, {2, 3}}, {2, {0, 1}}});
    CHECK(rows_of_range(sizes, {3, 8}) == std::vector<SetRows>{{2, {0, 5}}});
    CHECK(rows_of_range(sizes, {8, 8}).empty());
    CHECK(rows_of_range({}, {0, 0}).empty());
}

TEST_CASE("one rank holds all events", "[fit]") {
    const mpi::Communicator one;

    CHECK(events_of_rank(one, 1000) == Range{0, 1000});
    CHECK(events_of_rank(one, 0) == Range{0, 0});
}

TEST_CASE("appended events keep their ratios and are scaled by their factor", "[fit]") {
    EventSet events;
    events.processes = {"S", "B"};
    const std::vector<double> weight{1.0, 2.0};
    const std::vector<float> log_r{0.5F, -0.25F, 0.125F, 1.0F};

    append_events(events, weight, log_r, -3.0, {"S", 0, 7});
    append_events(events, weight, log_r, 0.5, {"B", 0, 0});

    CHECK(events.weight == std::vector<double>{-3.0, -6.0, 0.5, 1.0});
    CHECK(events.log_r[6] == 0.125);
    CHECK(event_name(events, 1) == "event 1 (row 8 of 'S')");
    CHECK(event_name(events, 2) == "event 2 (row 0 of 'B')");
}
