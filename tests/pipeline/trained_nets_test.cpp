#include "ratiofarm_test/catch.hpp"

#include "pipeline/nets_record.hpp"
#include "tests/campaign/example_campaign.hpp"

using namespace ratiofarm;
using test::example_toml;
using test::replaced;

namespace {

TaskIdentity nets_of(const std::string& ensemble, std::uint32_t first, std::uint32_t nets = 1) {
    return {.kind = TaskKind::training, .family = ensemble, .nets = nets, .first = first};
}

TaskIdentity in_fold(TaskIdentity identity, std::uint32_t fold, std::uint32_t folds) {
    identity.fold = fold;
    identity.folds = folds;
    return identity;
}

TaskIdentity replacement_of(TaskIdentity identity) {
    identity.replacement = 1;
    return identity;
}

JournalState journal_of(const std::vector<TaskIdentity>& tasks) {
    JournalState journal;
    for (std::uint64_t i = 0; i < tasks.size(); ++i) {
        const Digest task{1, i};
        const std::string name = "task " + std::to_string(i);
        journal.latest[name] = task;
        journal.committed[task] = {
            .task = task, .name = name, .identity = tasks[i], .result = {.seconds = 2.0}};
    }
    return journal;
}

TrainedNets count(const std::string& toml,
                  const std::vector<TaskIdentity>& tasks,
                  const std::map<std::string, Digest>& digests = {}) {
    return count_trained_nets(parse_campaign(toml, "/campaigns"), journal_of(tasks), digests);
}

}  // namespace

TEST_CASE("trained nets are counted by what their tasks are", "[commands]") {
    const TrainedNets nets =
        count(example_toml, {nets_of("S", 0), nets_of("S", 2), nets_of("SBI", 1)});

    CHECK(nets.planned == 9);
    CHECK(nets.trained == 3);
    CHECK(nets.seconds == 6.0);
}

TEST_CASE("time of trainings that are not done counts, too", "[commands]") {
    JournalState journal = journal_of({nets_of("S", 0)});
    journal.attempted["S/member 1"] = {"S/member 1", TaskKind::training, 3.0};
    journal.attempted["S on B"] = {"S on B", TaskKind::inference, 100.0};

    CHECK(count_trained_nets(parse_campaign(example_toml, "/campaigns"), journal, {}).seconds ==
          5.0);
}

TEST_CASE("a pack counts as its nets", "[commands]") {
    CHECK(count(example_toml, {nets_of("S", 0, 3), nets_of("B", 0, 2), nets_of("B", 2)}).trained ==
          6);
}

TEST_CASE("nets of other campaigns, evaluations and replacements are no planned nets",
          "[commands]") {
    const TaskIdentity trial{.kind = TaskKind::trial, .family = "S"};
    const TaskIdentity evaluation{.kind = TaskKind::inference, .family = "S on SBI"};
    const TaskIdentity of_an_older_version{};
    const TrainedNets nets =
        count(example_toml, {nets_of("Q", 0), nets_of("S", 3), nets_of("S", 2, 4), trial,
                             evaluation, of_an_older_version, in_fold(nets_of("B", 0), 0, 3),
                             replacement_of(nets_of("S", 1))});

    CHECK(nets.trained == 1);    // member 2 of the pack
    CHECK(nets.seconds == 6.0);  // the ensemble's tasks and the replacement
}

TEST_CASE("a net that was trained for other settings does not count", "[commands]") {
    const std::vector<TaskIdentity> tasks{nets_of("S", 0), nets_of("S", 1), nets_of("S", 2)};

    // Of the third nobody knows what it must be.
    CHECK(count(example_toml, tasks, {{"task 0", {1, 0}}, {"task 1", {7, 7}}}).trained == 2);
}

TEST_CASE("folds multiply the nets", "[commands]") {
    const std::string toml =
        replaced(example_toml, "train = 0.5\nvalidation = 0.1\ninference = 0.4", "folds = 3");

    const TrainedNets nets =
        count(toml, {in_fold(nets_of("S", 0), 0, 3), in_fold(nets_of("S", 0, 3), 2, 3)});

    CHECK(nets.planned == 27);
    CHECK(nets.trained == 4);
}

TEST_CASE("replicas count beside members", "[commands]") {
    const std::string toml = replaced(example_toml, "members = 3", "members = 3\nreplicas = 2");

    const TrainedNets nets =
        count(toml, {nets_of("S/replicas", 1), nets_of("S", 0, 3), nets_of("B/replicas", 0, 2)});

    CHECK(nets.planned == 15);
    CHECK(nets.trained == 6);
}

TEST_CASE("nets of both halves of a shape count", "[commands]") {
    const std::string toml = example_toml +
                             "[[systematic]]\nname = \"scale\"\n"
                             "shape = { S = { up = \"u\", down = \"d\" } }\n";

    const TrainedNets nets = count(
        toml, {nets_of("S/scale/up", 0), nets_of("S/scale/up", 1), nets_of("S/scale/down", 1)});

    CHECK(nets.planned == 9 + 4);
    CHECK(nets.trained == 3);
}
