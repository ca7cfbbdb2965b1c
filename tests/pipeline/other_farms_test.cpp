#include "pipeline/other_farms.hpp"

#include <filesystem>
#include <memory>
#include <thread>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "pipeline/root_books.hpp"
#include "pipeline/stages.hpp"
#include "workers/launcher.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using Next = OthersWork::Next;
namespace fs = std::filesystem;

namespace {

const FarmStarted ours{
    .host = "here", .job = "", .graph = "abc", .version = "ratiofarm 3", .device = "cpu"};

/// A job at work: it holds its lock, and its journal says what it works on.
std::unique_ptr<Lock> job_at_work(const RunDirectory& directory,
                                  const std::string& job,
                                  const FarmStarted& what) {
    const Shard shard{.job = job};
    Journal journal(directory.journal(shard), {});
    journal.write(what);
    journal.flush();
    return std::make_unique<Lock>(directory.lock(shard), Log());
}

RunPlace place_of(const RunDirectory& directory) {
    RunPlace place;
    place.directory = directory;
    place.farm.join = true;
    place.farm.lease = 1.5;  // seconds
    fs::create_directories(directory.claims());
    return place;
}

}  // namespace

TEST_CASE("a job whose tasks are others does not join, and is told in what they differ") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    FarmStarted other = ours;
    const Shard mine{.job = "mine"};
    const auto joins = [&] {
        const auto lock = job_at_work(directory, "other", other);
        expect_same_work(directory, mine, ours, "\n  inference.poi: mu -> nu");
    };

    CHECK_NOTHROW(joins());
    SECTION("another device") {
        other.device = "cuda";
        CHECK_THROWS_WITH(joins(), Contains("its device is cuda, that of this job cpu") &&
                                       Contains("lock.job-other"));
    }
    SECTION("another version") {
        other.version = "ratiofarm 2";
        CHECK_THROWS_WITH(joins(), Contains("its version is ratiofarm 2, that of this job "
                                            "ratiofarm 3"));
    }
    SECTION("another campaign") {
        other.graph = "def";
        CHECK_THROWS_WITH(joins(), Contains("its digest of the campaign's tasks is def"));
    }
    SECTION("what follows the tasks is another") {
        other.campaign = "123";
        CHECK_THROWS_WITH(joins(), Contains("its campaign is another than that of this job") &&
                                       Contains("\n  inference.poi: mu -> nu"));
    }
    CHECK_NOTHROW(expect_same_work(directory, mine, ours,
                                   "\n  inference.poi: mu -> nu"));  // when that one has ended
}

TEST_CASE("what only one job can do one does at a time, and the others wait or leave") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const RunPlace place = place_of(directory);
    const auto world = mpi::Communicator::world();
    const Log log;
    RootBooks first;
    RootBooks second;
    CHECK(OthersWork(place, log).take_turn(world, first) == Next::look_again);

    SECTION("it is at work") {
        const auto sign = read_text(directory.turn());
        CHECK(OthersWork(place, log).take_turn(world, second) == Next::leave);
        CHECK_FALSE(second.turn);
        CHECK(OthersWork::end_of(Next::leave).state == StageEnd::State::elsewhere);
        CHECK(read_text(directory.turn()) != sign);
        CHECK_NOTHROW(first.turn->expect_held());
    }
    SECTION("it ends meanwhile") {
        std::thread ends([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            first.turn.reset();
        });
        CHECK(OthersWork(place, log).take_turn(world, second) == Next::look_again);
        CHECK(second.turn);
        ends.join();
    }
}

TEST_CASE("a turn is over when its work returns, and none that was taken meanwhile counts") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const RunPlace place = place_of(directory);
    const auto world = mpi::Communicator::world();
    const Log log;
    LauncherHandle launcher;
    RunContext context{world, log, log, launcher};
    RootBooks books;

    SECTION("early") {
        const StageEnd end = in_turn(context, place, books, [&]() -> StageEnd {
            CHECK(books.turn);
            CHECK(fs::exists(directory.lock()));
            return {StageEnd::State::up_to_date, 0.0, {}};
        });
        CHECK(end.state == StageEnd::State::up_to_date);
        CHECK_FALSE(books.turn);
        CHECK_FALSE(fs::exists(directory.lock()));
    }
    SECTION("taken") {
        CHECK_THROWS_WITH(in_turn(context, place, books,
                                  [&]() -> StageEnd {
                                      publish(directory.lock(), lock_text(this_owner()));
                                      return {};
                                  }),
                          Contains("was removed or taken by another one"));
    }
}

TEST_CASE("a job that just took the turn is not taken for the one that was silent") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    constexpr double lease = 1.0;  // seconds
    JobWatch watch(directory, lease);
    fs::create_directories(directory.claims());
    publish(directory.turn(), "17 4");
    publish(directory.lock(), "one");
    JobWatch::Instant now{};
    const auto looks = [&](int times) {
        bool still = false;
        for (int i = 0; i < times; ++i) {
            now += std::chrono::milliseconds(250);
            still = watch.stands_still({directory.turn(), directory.lock()}, now);
        }
        return still;
    };
    CHECK_FALSE(looks(4));

    publish(directory.lock(), "another");

    CHECK_FALSE(looks(4));
    CHECK(looks(1));
}

TEST_CASE("the turn of a job whose host died is over after a lease") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const RunPlace place = place_of(directory);
    LockOwner owner = this_owner();
    owner.host = "othernode";
    owner.boot = "its kernel";
    publish(directory.lock(), lock_text(owner));
    publish(directory.turn(), "17 4");
    RootBooks books;
    OthersWork others(place, Log());
    const auto world = mpi::Communicator::world();

    // On a busy machine it may look too seldom to be sure before it would leave.
    for (int wait = 0; wait < 20 && others.take_turn(world, books) == Next::leave; ++wait) {
        others.worked();
    }

    REQUIRE(books.turn);
    CHECK_NOTHROW(books.turn->expect_held());
}
