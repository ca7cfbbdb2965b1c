#include "report/farm_text.hpp"

#include <nlohmann/json.hpp>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// Two workers and 20 s: one busy for the first 16 s, the other for 0.5 s in the last second.
FarmTimes example() {
    FarmTimes farm(2);
    farm.begin(0, 0.0);
    farm.end(0, 16.0);
    farm.begin(1, 19.5);
    farm.tail_begins(19.5);
    farm.end(1, 20.0);
    farm.farm_ends(20.0);
    farm.stage = "train";
    return farm;
}

}  // namespace

TEST_CASE("the times of a farm are shown as bars, shares and the hours of its tail") {
    CHECK(farm_text(example(), "", true) ==
          "farm       train: 20.0 s, 2 workers, 41.2 % busy\n"
          "  busy     |▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄...▂| 20 x 1 s\n"
          "  workers  0: 80.0 %, 1: 2.5 %\n"
          "  tail     0.5 s, 0.000139 idle worker-hours\n");
    CHECK(farm_sentence(example()) ==
          "2 workers, 41.2 % busy |▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄...▂|, idle for 0.00014 worker-hours in its "
          "last 0.5 s");
}

TEST_CASE("of many workers the idlest are named") {
    FarmTimes farm(100);
    for (std::uint64_t worker = 0; worker < 100; ++worker) {
        farm.begin(worker, 0.0);
        farm.end(worker, worker == 7 ? 1.0 : 9.0);
    }
    farm.begin(0, 9.0);
    farm.end(0, 10.0);

    const std::string text = farm_text(farm, "shard-1-of-3", true);

    CHECK(text.find("unfinished shard-1-of-3: 10.0 s up to its last line, 100 workers") !=
          std::string::npos);
    CHECK(text.find("workers  the idlest: 7: 10.0 %, 1: 90.0 %") != std::string::npos);
    CHECK(text.find("tail") == std::string::npos);
}

TEST_CASE("the same numbers are there as JSON") {
    const auto json = farm_json(example(), "shard-1-of-3");

    CHECK(json["owner"] == "shard-1-of-3");
    CHECK(json["ended"] == true);
    CHECK(json["busy_share_of_worker"].get<std::vector<double>>() ==
          std::vector<double>{0.8, 0.025});
    CHECK(json["busy_share_in_interval"].size() == 20);
    CHECK(json["interval_seconds"] == 1.0);
    CHECK(json["tail_idle_hours"].get<double>() == Approx(0.5 / 3600.0));
}
