#include "pipeline/trained_nets.hpp"

#include "ratiofarm_test/catch.hpp"

#include "tests/campaign/example_campaign.hpp"

using namespace ratiofarm;
using test::example_toml;
using test::replaced;

namespace {

JournalState journal_of(const std::vector<std::string>& names) {
    JournalState journal;
    for (const std::string& name : names) {
        const Digest task = Hasher().text(name).finish();
        journal.latest[name] = task;
        journal.committed[task] = {.task = task, .name = name, .seconds = 2.0};
    }
    return journal;
}

TrainedNets count(const std::string& toml, const std::vector<std::string>& names) {
    return count_trained_nets(parse_campaign(toml, "/campaigns"), journal_of(names));
}

}  // namespace

TEST_CASE("trained nets are counted by the names of their tasks", "[commands]") {
    const TrainedNets nets = count(example_toml, {"S/member 0", "S/member 2", "SBI/member 1"});

    CHECK(nets.planned == 9);
    CHECK(nets.trained == 3);
    CHECK(nets.seconds == 6.0);
}

TEST_CASE("a pack counts as its nets", "[commands]") {
    CHECK(count(example_toml, {"S/members 0..2", "B/members 0..1", "B/member 2"}).trained == 6);
}

TEST_CASE("nets of other campaigns, evaluations and replacements are no planned nets",
          "[commands]") {
    const TrainedNets nets =
        count(example_toml, {"Q/member 0", "S/member 3", "S/members 2..5", "S/member 0 x",
                             "S on SBI rows 0..262144", "S/member 1/replacement 1"});

    CHECK(nets.trained == 1);  // member 2 of the pack
}

TEST_CASE("folds multiply the nets", "[commands]") {
    const std::string toml =
        replaced(example_toml, "train = 0.5\nvalidation = 0.1\ninference = 0.4", "folds = 3");

    const TrainedNets nets = count(toml, {"S/fold 0/member 0", "S/fold 2/members 0..2"});

    CHECK(nets.planned == 27);
    CHECK(nets.trained == 4);
}

TEST_CASE("replicas count beside members", "[commands]") {
    const std::string toml = replaced(example_toml, "members = 3", "members = 3\nreplicas = 2");

    const TrainedNets nets = count(toml, {"S/replica 1", "S/members 0..2", "B/replicas 0..1"});

    CHECK(nets.planned == 15);
    CHECK(nets.trained == 6);
}

TEST_CASE("halves of shapes count beside members", "[commands]") {
    const std::string toml = example_toml +
                             "[[systematic]]\nname = \"scale\"\n"
                             "shape = { S = { up = \"u\", down = \"d\" } }\n";

    const TrainedNets nets =
        count(toml, {"S/scale/up/member 0", "S/scale/up/half 0", "S/scale/up/half 1"});

    CHECK(nets.planned == 9 + 2 + 4);
    CHECK(nets.trained == 3);
}
