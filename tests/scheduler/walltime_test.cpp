#include "scheduler/host/walltime.hpp"

#include <cstdlib>
#include <ctime>
#include <string>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("durations are read as Slurm writes them") {
    CHECK(parse_slurm_duration("90") == 5400.0);
    CHECK(parse_slurm_duration("2:00") == 120.0);
    CHECK(parse_slurm_duration("1:02:03") == 3723.0);
    CHECK(parse_slurm_duration("2-03") == 51 * 3600.0);
    CHECK(parse_slurm_duration("2-03:30") == 51.5 * 3600.0);
    CHECK(parse_slurm_duration("1-00:00:01") == 86401.0);
    for (const char* word : {"UNLIMITED", "INVALID", "", "1:2:3:4", "-5", "1:", "5m"}) {
        CAPTURE(word);
        CHECK_FALSE(parse_slurm_duration(word));
    }
}

TEST_CASE("stops begin earlier for slow checkpoints and for many workers") {
    const Instant end = Instant{} + std::chrono::hours(1);
    const auto margin = [&](double checkpoint_seconds, std::size_t workers) {
        return std::chrono::duration<double>(end - stop_time(end, checkpoint_seconds, workers))
            .count();
    };

    CHECK(margin(0.0, 1) > 0.0);
    CHECK(margin(10.0, 1) == Approx(margin(0.0, 1) + 30.0));
    // 1000 workers in waves of 32, one second apart: 31 more waves than one.
    CHECK(margin(1.0, 1000) == Approx(margin(1.0, 1) + 31.0));
}

TEST_CASE("the end of a job comes from its environment, with a slack of 5 % or a minute") {
    const auto left = [](const char* seconds) {
        ::setenv("SLURM_JOB_ID", "7", 1);
        ::setenv("SLURM_JOB_END_TIME",
                 std::to_string(std::time(nullptr) + std::atoi(seconds)).c_str(), 1);
        const auto end = walltime().end;
        ::unsetenv("SLURM_JOB_ID");
        ::unsetenv("SLURM_JOB_END_TIME");
        REQUIRE(end);
        return std::chrono::duration<double>(*end - std::chrono::steady_clock::now()).count();
    };

    CHECK(left("100") == Approx(95.0).margin(1.1));
    CHECK(left("36000") == Approx(35940.0).margin(1.1));
    CHECK_FALSE(walltime().end);
}

TEST_CASE("an end of the job that is past, or no time, is ignored and named") {
    const char* text = GENERATE("1000", "0", "garbage", "-5", "");
    ::setenv("SLURM_JOB_ID", "no number: squeue is not asked", 1);
    CHECK(walltime().warning.empty());
    ::setenv("SLURM_JOB_ID", "7", 1);
    ::setenv("SLURM_JOB_END_TIME", text, 1);
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", "/nowhere", 1);  // nor here

    const Walltime found = walltime();

    ::setenv("PATH", path.c_str(), 1);
    CHECK_FALSE(found.end);
    CHECK(found.warning.find("SLURM_JOB_END_TIME = '" + std::string(text) + "'") == 0);
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_JOB_END_TIME");
}
