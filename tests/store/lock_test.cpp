#include "store/lock.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;

namespace {

void make_older(const fs::path& path, int seconds) {
    struct timeval times[2] = {};
    ::gettimeofday(&times[0], nullptr);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    ::utimes(path.c_str(), times);
}

constexpr double at_once = 0.0;          // seconds of patience
constexpr int thirty_years = 946080000;  // seconds

/// Does something in a process that is then killed.
void in_killed_process(const std::function<void()>& action) {
    const pid_t child = ::fork();
    if (child == 0) {
        action();
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
}

}  // namespace

TEST_CASE("a lock is there while it is held and gone afterwards") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    {
        const Lock lock(path, Log());
        CHECK(read_text(path).find(std::to_string(::getpid())) != std::string::npos);
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("the lock of a killed owner is taken over at once") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    in_killed_process([&] { new Lock(path, Log()); });
    REQUIRE(fs::exists(path));

    const Lock lock(path, Log(), at_once);

    CHECK(read_text(path).find(std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("a killed owner is gone whatever its host was called") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    LockOwner owner = this_owner();
    owner.host = "container-1";
    owner.pid_space += 1;
    publish(path, lock_text(owner));

    CHECK_NOTHROW(Lock(path, Log(), at_once));
}

TEST_CASE("a living owner keeps its lock where its process cannot be seen") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const Lock lock(path, Log());
    LockOwner owner = this_owner();
    owner.pid = 99999999;  // as in a container with other pids
    owner.process_start = 1;
    owner.host = GENERATE("", "container-1");
    if (owner.host.empty()) owner.host = this_owner().host;
    owner.boot = GENERATE("", "another-kernel");  // an old lock, or another machine
    if (owner.boot.empty()) owner.boot = this_owner().boot;
    std::ofstream(path) << lock_text(owner);  // in place: the flock() stays

    CHECK_THROWS_AS(Lock(path, Log(), at_once), ConfigError);
    CHECK(living_owner(path));
}

TEST_CASE("the owner on a host that was started again is gone, one elsewhere may live") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    LockOwner owner = this_owner();
    owner.boot = "the-kernel-before";
    publish(path, lock_text(owner));

    CHECK_THROWS_AS(Lock(path, Log(), at_once), ConfigError);  // written after this boot
    make_older(path, thirty_years);
    CHECK_NOTHROW(Lock(path, Log(), at_once));

    owner.host = "othernode";
    publish(path, lock_text(owner));
    make_older(path, thirty_years);
    CHECK_THROWS_AS(Lock(path, Log(), at_once), ConfigError);
}

TEST_CASE("a lock that says nothing is nobody's after a while") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const std::string whole = lock_text(this_owner());
    const std::string text =
        GENERATE_COPY(std::string(), whole.substr(0, 20), std::string(100, '\0'), "{\"pid\":[]}\n");
    std::ofstream(path) << text;

    CHECK_THROWS_AS(Lock(path, Log(), at_once), ConfigError);
    CHECK_THROWS_AS(expect_whole_lock(path), DataError);
    make_older(path, 11);
    CHECK_NOTHROW(Lock(path, Log(), at_once));
}

TEST_CASE("a lock that another farm owns by now is not removed") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    {
        const Lock lock(path, Log());
        publish(path, lock_text({.host = "othernode", .pid = 7}));
    }
    CHECK(fs::exists(path));
}

TEST_CASE("a farm whose lock was removed or taken must not go on") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "run" / "lock";
    fs::create_directory(path.parent_path());
    const Lock lock(path, Log());
    CHECK_NOTHROW(lock.expect_held());

    fs::remove(path);
    CHECK_THROWS_AS(lock.expect_held(), SystemError);

    publish(path, lock_text(this_owner()));  // the same words, another file
    CHECK_THROWS_AS(lock.expect_held(), SystemError);

    fs::remove_all(path.parent_path());  // what is written next says that
    CHECK_NOTHROW(lock.expect_held());
}

TEST_CASE("a job that was queued again does not refuse itself") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    publish(path, lock_text({.host = "othernode", .pid = 1, .process_start = 5, .job = "77"}));
    ::setenv("SLURM_JOB_ID", "77", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);

    CHECK_NOTHROW(Lock(path, Log()));

    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

TEST_CASE("a living owner is named when the wait for it is over") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const Lock first(path, Log());
    try {
        const Lock second(path, Log(), at_once);
        FAIL("two owners at once");
    } catch (const ConfigError& error) {
        CHECK(std::string(error.what()).find("pid " + std::to_string(::getpid())) !=
              std::string::npos);
    }
}

TEST_CASE("of many farms that find a stale lock one at a time gets it") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const fs::path inside = folder.path() / "inside";
    publish(path, lock_text({.pid = 1, .process_start = 5, .job = "77"}));
    ::setenv("SLURM_JOB_ID", "77", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);

    std::vector<pid_t> farms;
    for (int i = 0; i < 8; ++i) {
        const pid_t farm = ::fork();
        if (farm != 0) {
            farms.push_back(farm);
            continue;
        }
        int code = 0;
        {
            const Lock lock(path, Log());
            // mkdir fails where another farm is inside at the same time.
            if (!fs::create_directory(inside)) code = 1;
            ::usleep(20000);
            fs::remove(inside);
        }
        ::_exit(code);
    }

    for (const pid_t farm : farms) {
        int status = 0;
        ::waitpid(farm, &status, 0);
        CHECK(status == 0);
    }
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}
