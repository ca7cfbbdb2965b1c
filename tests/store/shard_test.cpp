#include "store/shard.hpp"

#include <cstdlib>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

TEST_CASE("every task belongs to exactly one shard, and shards are about equal") {
    PhiloxSequence random(3);
    std::vector<int> owned(7, 0);
    for (int i = 0; i < 7000; ++i) {
        const Digest task{static_cast<std::uint64_t>(random.uniform() * 1e18), 5};
        int owners = 0;
        for (std::uint64_t index = 0; index < 7; ++index) {
            if (!Shard{index, 7}.owns(task)) continue;
            owners += 1;
            owned[index] += 1;
        }
        CHECK(owners == 1);
        CHECK(Shard{}.owns(task));
    }
    for (const int count : owned) CHECK(count == Approx(1000).margin(150));
}

TEST_CASE("a shard is named by index and count or by the variables of an array") {
    CHECK(parse_shard("2/8") == Shard{2, 8});
    CHECK(parse_shard("0/1").whole());
    CHECK(Shard{2, 8}.name() == "shard-2-of-8");

    CHECK_THROWS_AS(parse_shard("array"), ConfigError);
    ::setenv("SLURM_ARRAY_TASK_ID", "13", 1);
    ::setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
    ::setenv("SLURM_ARRAY_TASK_COUNT", "5", 1);
    CHECK(parse_shard("array") == Shard{3, 5});
    for (const char* name :
         {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"}) {
        ::unsetenv(name);
    }
}

TEST_CASE("what is no shard is refused") {
    for (const char* text : {"", "3", "8/8", "-1/4", "1/0", "a/b", "1/2/3", "1/100001"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_shard(text), ConfigError);
    }
}
