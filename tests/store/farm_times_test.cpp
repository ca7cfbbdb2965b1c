// What a journal of known intervals says about the time of its workers.

#include "store/farm_times.hpp"

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "store/journal.hpp"

using namespace ratiofarm;

namespace {

TaskCommitted committed(std::uint64_t task, std::uint64_t worker, double at) {
    return {
        .task = {task, 1}, .name = "S/member " + std::to_string(task), .worker = worker, .at = at};
}

/// A run on three ranks with a farm of 10 s, of which
///     worker 0: [0, 4] [4, 6] [6, 9]    worker 1: [0, 1] (crashed) [2, 5]    worker 2: nothing
/// and no task waits from 6 s on; then a farm that is still running.
void write_example(Journal& journal) {
    journal.write(FarmStarted{"node1", "42", 3, "abc"});
    journal.write(AttemptBegan{"S/member 0", 0, 0.0});
    journal.write(AttemptBegan{"S/member 1", 1, 0.0});
    journal.write(AttemptEnded{"crashed", 1, 1.0});
    journal.write(AttemptBegan{"S/member 1", 1, 2.0});
    journal.write(committed(0, 0, 4.0));
    journal.write(AttemptBegan{"S/member 2", 0, 4.0});
    journal.write(committed(1, 1, 5.0));
    journal.write(AttemptEnded{"stopped", 0, 6.0});
    journal.write(AttemptBegan{"S/member 2", 0, 6.0});
    journal.write(committed(2, 0, 9.0));
    journal.write(FarmEnded{.seconds = 10.0, .workers = 3, .tail_seconds = 4.0});
    journal.write(StageEnded{"train", 10.5});
    journal.write(AttemptBegan{"S on B", 2, 1.0});
    journal.write(AttemptBegan{"S on S", 0, 2.0});
    journal.write(committed(3, 0, 5.0));
    journal.flush();
}

void check_equal(const std::vector<double>& found, const std::vector<double>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        CAPTURE(i);
        CHECK(found[i] == Approx(expected[i]).margin(1e-12));
    }
}

}  // namespace

TEST_CASE("a journal tells how busy each worker was, when, and what the tail cost") {
    const test::TemporaryDirectory folder;
    Journal journal(folder.path() / "journal.jsonl", {});
    write_example(journal);

    const RunTimes times = read_journal(folder.path() / "journal.jsonl").times;

    REQUIRE(times.farms().size() == 2);
    const FarmTimes& farm = times.farms()[0];
    CHECK(farm.stage == "train");
    CHECK(farm.ended());
    CHECK(farm.workers() == 3);
    const FarmProfile profile = profile_of(farm, farm.seconds(), 5);
    CHECK(profile.seconds == 10.0);
    CHECK(profile.busy_seconds == Approx(13.0));
    CHECK(profile.utilisation() == Approx(13.0 / 30.0));
    check_equal(profile.share_of_worker, {0.9, 0.4, 0.0});
    // Of 6 worker-seconds in each 2 s: 3, 4, 3, 2 and 1 are busy.
    check_equal(profile.share_in_interval, {3.0 / 6, 4.0 / 6, 3.0 / 6, 2.0 / 6, 1.0 / 6});
    CHECK(profile.tail_seconds == Approx(4.0));
    CHECK(profile.tail_idle_seconds == Approx(1.0 + 4.0 + 4.0));
}

TEST_CASE("attempts that still run count as busy until now") {
    const test::TemporaryDirectory folder;
    Journal journal(folder.path() / "journal.jsonl", {});
    write_example(journal);
    const FarmTimes farm = read_journal(folder.path() / "journal.jsonl").times.farms().back();

    const FarmProfile profile = profile_of(farm, 8.0, 4);

    CHECK(farm.stage.empty());
    CHECK_FALSE(farm.ended());
    CHECK(farm.seconds() == 5.0);
    check_equal(profile.share_of_worker, {3.0 / 8, 0.0, 7.0 / 8});
    check_equal(profile.share_in_interval, {1.0 / 6, 4.0 / 6, 3.0 / 6, 2.0 / 6});
    CHECK(profile.tail_seconds == 0.0);
    CHECK(profile.tail_idle_seconds == 0.0);
}

TEST_CASE("whatever the intervals, they hold all busy time between them") {
    const test::TemporaryDirectory folder;
    Journal journal(folder.path() / "journal.jsonl", {});
    write_example(journal);
    const FarmTimes farm = read_journal(folder.path() / "journal.jsonl").times.farms().front();

    for (const std::size_t intervals : {1, 2, 3, 7, 20, 1000}) {
        const FarmProfile profile = profile_of(farm, 11.5, intervals);
        double busy = 0.0;
        for (const double share : profile.share_in_interval) {
            busy += share * 3.0 * 11.5 / static_cast<double>(intervals);
        }
        CHECK(busy == Approx(profile.busy_seconds));
    }
}

TEST_CASE("a run that had nothing to do leaves the times of the run before, a new task does not") {
    const test::TemporaryDirectory folder;
    const auto path = folder.path() / "journal.jsonl";
    {
        Journal journal(path, {});
        write_example(journal);
        journal.write(FarmStarted{"node2", "43", 5, "abc"});
        journal.write(StageEnded{"train", 0.1});
        journal.flush();
    }
    CHECK(read_journal(path).times.farms().size() == 2);
    CHECK(read_journal(path).times.farms().back().stage.empty());

    {
        Journal journal(path, read_journal(path));
        journal.write(AttemptBegan{"S on S", 4, 1.0});
        journal.flush();
    }

    const RunTimes times = read_journal(path).times;
    REQUIRE(times.farms().size() == 1);
    CHECK(times.farms().front().workers() == 5);
}
