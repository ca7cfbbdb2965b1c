#include "campaign/task_graph.hpp"

#include <algorithm>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/seeds.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_sample;
using test::example_samples;

TEST_CASE("a graph has one training per process and member", "[campaign]") {
    const TaskGraph graph = make_task_graph(example_campaign(), example_samples(), "cpu");

    REQUIRE(graph.trainings.size() == 9);
    CHECK(graph.trainings[0].name == "S/member 0");
    CHECK(graph.trainings[4].name == "SBI/member 1");
    CHECK(graph.trainings[8].ensemble == "B");
    std::set<Digest> digests;
    for (const TrainTask& task : graph.trainings) {
        CHECK(task.request().task == task.digest);
        digests.insert(task.digest);
    }
    CHECK(digests.size() == 9);
}

TEST_CASE("tasks say what they are beside their names", "[campaign]") {
    const TaskGraph graph = make_task_graph(example_campaign(), example_samples(), "cpu");

    CHECK(graph.trainings[4].identity ==
          TaskIdentity{.kind = TaskKind::training, .family = "SBI", .nets = 1, .first = 1});
    const InferTask& inference = graph.inferences[5];
    CHECK(inference.name == "B on SBI rows 0..2000");
    CHECK(inference.identity == TaskIdentity{.kind = TaskKind::inference, .family = "B on SBI"});
    const Campaign campaign = example_campaign();
    const auto samples = example_samples();
    const TrainTask again =
        replacement_task({campaign, samples, "cpu"}, graph.trainings[4].nets[0], 2);
    CHECK(
        again.identity ==
        TaskIdentity{
            .kind = TaskKind::training, .family = "SBI", .nets = 1, .first = 1, .replacement = 2});
}

TEST_CASE("trainings in folds and packs say which nets they train", "[campaign]") {
    Campaign campaign = example_campaign();
    campaign.split.folds = 3;
    campaign.training.pack = 2;
    campaign.ensemble.replicas = 2;
    const TaskGraph graph = make_task_graph(campaign, example_samples(), "cpu");

    const auto task = std::ranges::find(graph.trainings, "S/fold 2/members 0..1", &TrainTask::name);
    REQUIRE(task != graph.trainings.end());
    CHECK(
        task->identity ==
        TaskIdentity{.kind = TaskKind::training, .family = "S", .nets = 2, .fold = 2, .folds = 3});
    const auto other =
        std::ranges::find(graph.trainings, "S/fold 1/replicas 0..1", &TrainTask::name);
    REQUIRE(other != graph.trainings.end());
    CHECK(other->identity.family == "S/replicas");
}

TEST_CASE("a training separates its process from the reference mixture", "[campaign]") {
    const TrainTask task =
        make_task_graph(example_campaign(), example_samples(), "cpu").trainings[3];

    const TrainRequest& request = task.request();
    REQUIRE(request.numerator.size() == 1);
    CHECK(request.numerator[0].sample.sample == "SBI");
    CHECK(request.numerator[0].fraction == 1.0);
    REQUIRE(request.denominator.size() == 3);  // by name: the order in the file must not matter
    CHECK(request.denominator[0].sample.sample == "B");
    CHECK(request.denominator[1].sample.sample == "S");
    CHECK(request.denominator[2].sample.sample == "SBI");
    CHECK(request.denominator[2].fraction == 0.5);
    CHECK(request.features == std::vector<std::uint32_t>{0, 2});
    CHECK(request.network.inputs == 2);
    CHECK(request.nets.front().initialisation_seed ==
          seed_for(20261121, "SBI/member 0", Stream::initialisation));
    CHECK(request.nets.front().shuffle_seed == seed_for(20261121, "SBI/member 0", Stream::shuffle));
    CHECK(request.result_path.empty());
}

TEST_CASE("the cost of a training counts three passes per training event", "[campaign]") {
    const TrainTask task =
        make_task_graph(example_campaign(), example_samples(), "cpu").trainings[0];

    // 2-8-4-1: 24 + 36 + 5 parameters, two operations each. S against S, SBI and B: 500 + 1000 +
    // 1500 training events, those of both classes once; validation is a fifth of training.
    const double forward = 2 * (24 + 36 + 5);
    CHECK(task.flop == Approx(10 * forward * (3 * 3000 + 600)).epsilon(1e-12));
}

TEST_CASE("inference covers every row of every sample once for each process", "[campaign]") {
    std::vector<SampleInfo> samples = example_samples();
    samples[2] = example_sample("B", 2 * inference_range + 5);

    const TaskGraph graph = make_task_graph(example_campaign(), samples, "cpu");

    REQUIRE(graph.inferences.size() == 3 + 3 + 9);
    CHECK(graph.inferences[0].name == "S on S rows 0..1000");
    CHECK(graph.inferences[5].name == "B on SBI rows 0..2000");
    CHECK(graph.inferences[8].name == "S on B rows 524288..524293");
    std::uint64_t rows = 0;
    for (const InferTask& task : graph.inferences) {
        CHECK(task.request.task == task.digest);
        CHECK(task.request.first == task.first);
        CHECK(task.request.count == task.count);
        CHECK(task.request.members == 3);
        rows += task.count;
    }
    CHECK(rows == 3 * (1000 + 2000 + 2 * inference_range + 5));
}

TEST_CASE("all events of the data sample are evaluated", "[campaign]") {
    Campaign campaign = example_campaign();
    campaign.data.sample = "observed";
    std::vector<SampleInfo> samples = example_samples();
    samples.push_back(example_sample("observed", 50));

    const TaskGraph graph = make_task_graph(campaign, samples, "cpu");

    REQUIRE(graph.inferences.size() == 12);
    CHECK(graph.inferences[11].sample == "observed");
    CHECK(graph.inferences[11].request.split == Split{0.0, 0.0, 1.0});
    CHECK(graph.inferences[0].request.split == campaign.split);
}

TEST_CASE("two processes of one sample share its evaluation rows", "[campaign]") {
    Campaign campaign = example_campaign();
    campaign.processes[2].sample = "SBI";

    CHECK(campaign_samples(campaign) == std::vector<std::string>{"S", "SBI"});
    CHECK(make_task_graph(campaign, example_samples(), "cpu").inferences.size() == 6);
}

TEST_CASE("a missing sample, a missing column and unequal columns are data errors", "[campaign]") {
    const Campaign campaign = example_campaign();
    std::vector<SampleInfo> samples = example_samples();

    SECTION("sample") { samples.pop_back(); }
    SECTION("column") { samples[1].column_names = {"mass", "eta", "pT"}; }
    SECTION("order") { samples[1].column_names = {"pt", "eta", "mass"}; }

    CHECK_THROWS_AS(make_task_graph(campaign, samples, "cpu"), DataError);
}
