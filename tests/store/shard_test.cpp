#include "store/shard.hpp"

#include <array>
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
    CHECK(Shard{.job = "a"}.has_all());
    CHECK_FALSE(Shard{2, 8}.has_all());
    CHECK(Shard{2, 8}.name() == "shard-2-of-8");

    CHECK_THROWS_AS(parse_shard("array"), ConfigError);
    const std::array<const char*, 5> names{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN",
                                           "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT",
                                           "SLURM_ARRAY_TASK_STEP"};
    const auto in_array = [&](std::array<const char*, 5> values) {
        for (std::size_t i = 0; i < names.size(); ++i) ::setenv(names[i], values[i], 1);
        return parse_shard("array");
    };
    CHECK(in_array({"13", "10", "14", "5", "1"}) == Shard{3, 5});
    CHECK(in_array({"4", "0", "4", "3", "2"}) == Shard{2, 3});  // 0-4:2
    CHECK(in_array({"7", "7", "7", "1", "1"}) == Shard{0, 1});
    // 1,14,66: an element cannot know whether it is the second or the third.
    CHECK_THROWS_AS(in_array({"14", "1", "66", "3", "1"}), ConfigError);
    CHECK_THROWS_AS(in_array({"0", "0", "4", "3", "1"}), ConfigError);  // 0,1,4
    CHECK_THROWS_AS(in_array({"3", "4", "8", "5", "1"}), ConfigError);
    for (const char* name : names) ::unsetenv(name);
}

TEST_CASE("what is no shard is refused") {
    for (const char* text : {"", "3", "8/8", "-1/4", "1/0", "a/b", "1/2/3", "1/100001"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_shard(text), ConfigError);
    }
}
