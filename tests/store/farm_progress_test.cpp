#include "store/farm_progress.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "store/lock.hpp"

using namespace ratiofarm;

TEST_CASE("what a farm tells is read while it holds its lock, and not when it is gone", "[store]") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const Shard shard{1, 3};
    FarmProgress told{.done = 3,
                      .there = 2,
                      .running = 1,
                      .waiting = 4,
                      .seconds = 30.0,
                      .busy_seconds = 1800.0,
                      .fraction = 0.4,
                      .brought = 0.2};
    told.tasks.push_back({"S/member 1", 2, {.fraction = 0.5, .epoch = 7}});
    told.tasks.back().progress.training_loss = NAN;  // before its first epoch
    write_progress(progress_file(directory.journal(shard)), told);

    CHECK(farms_at_work(directory).empty());
    const Lock lock(directory.lock(shard), Log());
    const auto seen = farms_at_work(directory);

    REQUIRE(seen.size() == 1);
    CHECK(seen[0].progress.all() == 8);
    CHECK(seen[0].progress.left() == 90.0);
    REQUIRE(seen[0].progress.tasks.size() == 1);
    CHECK(seen[0].progress.tasks[0].name == "S/member 1");
    CHECK(seen[0].progress.tasks[0].worker == 2);
    CHECK(seen[0].progress.tasks[0].progress.epoch == 7);
    CHECK(std::isnan(seen[0].progress.tasks[0].progress.training_loss));
    CHECK(seen[0].age < 60.0);
    CHECK(seen[0].progress.there == 2);
    CHECK(seen[0].progress.text() ==
          "3 of 8 done (2 already there), 1 running, 4 waiting; 40 %, 90 s left, 0.50 "
          "worker-hours");
    CHECK(seen[0].progress.text(79) ==
          "3 of 8 done (2 already there), 1 running, 4 waiting; 40 %, 90 s left");
}
