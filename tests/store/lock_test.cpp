#include "store/lock.hpp"

#include <csignal>
#include <filesystem>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;

TEST_CASE("a lock is there while it is held and gone afterwards") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    {
        const Lock lock(path, Log());
        CHECK(read_text(path).find(std::to_string(::getpid())) != std::string::npos);
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("the lock of a killed owner is taken over") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const pid_t child = ::fork();
    if (child == 0) {
        const Lock lock(path, Log());
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    REQUIRE(fs::exists(path));

    const Lock lock(path, Log());

    CHECK(read_text(path).find(std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("a job that was queued again does not refuse itself") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    publish(path, R"({"host":"othernode","pid":1,"process_start":5,"job":"77","restart":0})");
    ::setenv("SLURM_JOB_ID", "77", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);

    CHECK_NOTHROW(Lock(path, Log()));

    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_RESTART_COUNT");
}

TEST_CASE("a living owner is named when the wait for it is over", "[slow]") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "lock";
    const Lock first(path, Log());
    try {
        const Lock second(path, Log());
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
    publish(path, R"({"host":"","pid":1,"process_start":5,"job":"77","restart":0})");
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
