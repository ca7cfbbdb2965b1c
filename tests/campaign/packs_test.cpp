// How ensembles are cut into trainings: packs, folds, replicas, nets that begin as others.
#include <map>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/task_graph.hpp"
#include "core/seeds.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_sample;
using test::example_samples;

namespace {

TaskGraph graph_of(const Campaign& campaign) {
    return make_task_graph(campaign, example_samples(), "cpu");
}

std::vector<std::string> names_of(const std::vector<TrainTask>& tasks, std::string_view ensemble) {
    std::vector<std::string> names;
    for (const TrainTask& task : tasks) {
        if (task.ensemble == ensemble) names.push_back(task.name);
    }
    return names;
}

Campaign packed(std::uint32_t members, std::uint32_t pack) {
    Campaign campaign = example_campaign();
    campaign.ensemble.members = members;
    campaign.training.pack = pack;
    return campaign;
}

const std::string warm_shape = R"toml(
[[systematic]]
name = "scale"
shape = { S = { up = "S_up", down = "S_down" } }
[systematics]
members = 5
warm_start = true
)toml";

std::vector<SampleInfo> with_varied() {
    std::vector<SampleInfo> samples = example_samples();
    samples.push_back(example_sample("S_up", 800));
    samples.push_back(example_sample("S_down", 900));
    return samples;
}

}  // namespace

TEST_CASE("members are cut into packs in order, the rest into a smaller one", "[campaign]") {
    const TaskGraph graph = graph_of(packed(7, 3));

    CHECK(names_of(graph.trainings, "B") ==
          std::vector<std::string>{"B/members 0..2", "B/members 3..5", "B/member 6"});
    const TrainTask& second = graph.trainings[1];
    REQUIRE(second.net_requests.size() == 3);
    CHECK(second.net_requests[2].name == "S/member 5");
    CHECK(second.net_requests[2].initialisation_seed ==
          seed_for(20261121, "S/member 5", Stream::initialisation));
    CHECK(second.net_requests[2].shuffle_seed == seed_for(20261121, "S/member 5", Stream::shuffle));
    CHECK(second.flop == Approx(3 * graph.trainings[2].flop).epsilon(1e-12));
}

TEST_CASE("an ensemble lists its nets by task and place", "[campaign]") {
    const TaskGraph graph = graph_of(packed(7, 3));

    const PlannedEnsemble& ensemble = graph.ensemble("SBI");
    REQUIRE(ensemble.nets.size() == 7);
    for (std::uint32_t member = 0; member < 7; ++member) {
        const TrainTask& task = graph.trainings[3 + member / 3];
        CHECK(ensemble.nets[member] == PlannedNet{"SBI/member " + std::to_string(member), "SBI", 0,
                                                  member, task.digest, member % 3});
        CHECK(task.nets[member % 3] == ensemble.nets[member]);
    }
    CHECK_THROWS_WITH(graph.ensemble("SBJ"), Catch::Matchers::Contains("did you mean 'SBI'?"));
}

TEST_CASE("nets that are trained together are part of what they are", "[campaign]") {
    const TaskGraph three = graph_of(packed(6, 3));
    const TaskGraph more = graph_of(packed(8, 3));
    const TaskGraph pairs = graph_of(packed(6, 2));

    CHECK(more.trainings[0].digest == three.trainings[0].digest);
    CHECK(more.trainings[1].digest == three.trainings[1].digest);
    CHECK(pairs.trainings[0].digest != three.trainings[0].digest);
    // One net a task, said or not.
    CHECK(graph_of(packed(2, 1)).trainings[0].digest == graph_of(packed(2, 0)).trainings[0].digest);
}

TEST_CASE("without being told, nets are packed on a GPU and not on a CPU", "[campaign]") {
    const Campaign campaign = packed(40, 0);

    CHECK(graph_of(campaign).trainings.size() == 120);
    CHECK(names_of(make_task_graph(campaign, example_samples(), "cuda").trainings, "S") ==
          std::vector<std::string>{"S/members 0..31", "S/members 32..39"});
}

TEST_CASE("with folds each has its nets, and they evaluate its events alone", "[campaign]") {
    Campaign campaign = packed(3, 2);
    campaign.split = {.train = 0.5, .validation = 0.1, .inference = 1.0, .folds = 2};

    const TaskGraph graph = graph_of(campaign);

    CHECK(names_of(graph.trainings, "S") ==
          std::vector<std::string>{"S/fold 0/members 0..1", "S/fold 0/member 2",
                                   "S/fold 1/members 0..1", "S/fold 1/member 2"});
    const TrainTask& task = graph.trainings[3];
    CHECK(task.common->fold == 1);
    CHECK(task.common->split == campaign.split);
    CHECK(task.net_requests[0].initialisation_seed ==
          seed_for(20261121, "S/fold 1/member 2", Stream::initialisation));
    const auto& nets = graph.ensemble("S").nets;
    REQUIRE(nets.size() == 6);
    CHECK(nets[4].fold == 1);
    CHECK(nets[4].member == 1);
    CHECK(nets[4].task == graph.trainings[2].digest);
    CHECK(nets[4].net == 1);
    const InferTask& inference = graph.inferences[0];
    CHECK(inference.request.members == 6);
    CHECK(inference.request.net_fold == std::vector<std::uint32_t>{0, 0, 0, 1, 1, 1});
    CHECK(inference.flop == Approx(3 * 130.0 * 1000).epsilon(1e-12));  // three nets of a fold
}

TEST_CASE("with folds data events are evaluated by all nets", "[campaign]") {
    Campaign campaign = packed(3, 1);
    campaign.split = {.train = 0.5, .validation = 0.1, .inference = 1.0, .folds = 2};
    campaign.data.sample = "observed";
    std::vector<SampleInfo> samples = example_samples();
    samples.push_back(example_sample("observed", 50));

    const InferTask task = make_task_graph(campaign, samples, "cpu").inferences.back();

    CHECK(task.sample == "observed");
    CHECK(task.request.members == 6);
    CHECK(task.request.net_fold.empty());
    CHECK(task.flop == Approx(6 * 130.0 * 50).epsilon(1e-12));
}

TEST_CASE("a replica weighs an event alike in every process and fold", "[campaign]") {
    Campaign campaign = example_campaign();
    campaign.ensemble.replicas = 2;
    campaign.split = {.train = 0.5, .validation = 0.1, .inference = 1.0, .folds = 2};

    const TaskGraph graph = graph_of(campaign);

    std::map<std::string, std::set<std::uint64_t>> seeds;
    std::set<std::uint64_t> initialisations;
    for (const TrainTask& task : graph.trainings) {
        for (const NetRequest& net : task.net_requests) {
            seeds[net.name.substr(net.name.rfind('/'))].insert(net.replica);
            initialisations.insert(net.initialisation_seed);
        }
    }
    CHECK(seeds["/replica 1"] ==
          std::set<std::uint64_t>{seed_for(20261121, "replica 1", Stream::replica)});
    CHECK(seeds["/replica 0"] != seeds["/replica 1"]);
    CHECK(seeds["/member 1"] == std::set<std::uint64_t>{0});
    CHECK(initialisations.size() == 3 * 2 * (3 + 2));
}

TEST_CASE("the columns of replicas are kept, those of members on request", "[campaign]") {
    Campaign campaign = example_campaign();
    campaign.ensemble.replicas = 2;
    const auto keeping = [&] {
        std::vector<std::string> names;
        for (const InferTask& task : graph_of(campaign).inferences) {
            if (task.sample == "S" && task.request.keep_members) names.push_back(task.ensemble);
        }
        return names;
    };

    CHECK(keeping() == std::vector<std::string>{"S/replicas", "SBI/replicas", "B/replicas"});
    campaign.ensemble.keep_members = true;
    CHECK(keeping().size() == 6);
}

TEST_CASE("a net that is fine-tuned begins as a member of its process", "[campaign]") {
    Campaign campaign = parse_campaign(test::example_toml + warm_shape, "/campaigns");
    campaign.training.pack = 2;
    campaign.systematic_nets.halves = false;

    const TaskGraph graph = make_task_graph(campaign, with_varied(), "cpu");

    // S has the tasks 0 (members 0, 1) and 1 (member 2); the shape members 0..1, 2..3, 4.
    CHECK(names_of(graph.trainings, "S/scale/up") ==
          std::vector<std::string>{"S/scale/up/members 0..1", "S/scale/up/members 2..3",
                                   "S/scale/up/member 4"});
    const TrainTask& task = graph.trainings[6 + 1];
    REQUIRE(task.net_requests.size() == 2);
    CHECK(task.net_requests[0].warm_start.task == graph.trainings[1].digest);
    CHECK(task.net_requests[0].warm_start.net == 0);
    CHECK(task.net_requests[1].warm_start.task == graph.trainings[0].digest);
    CHECK(task.net_requests[1].warm_start.net == 0);
    CHECK(task.after == std::vector<Digest>{graph.trainings[1].digest, graph.trainings[0].digest});
    CHECK(graph.trainings[6 + 2].net_requests[0].warm_start.net == 1);
    CHECK(graph.trainings[0].after.empty());
}

TEST_CASE("other first weights are other trainings", "[campaign]") {
    Campaign campaign = parse_campaign(test::example_toml + warm_shape, "/campaigns");
    const auto last = [&] { return make_task_graph(campaign, with_varied(), "cpu").trainings; };
    const auto warm = last();

    campaign.systematic_nets.warm_start = false;
    const auto cold = last();
    CHECK(cold.back().digest != warm.back().digest);
    CHECK(cold.front().digest == warm.front().digest);
    campaign.systematic_nets.rate_factor = 0.5;
    CHECK(last().back().digest != cold.back().digest);
    CHECK(last().front().digest == cold.front().digest);
}

TEST_CASE("a net that is fine-tuned begins as one that did not see its events", "[campaign]") {
    Campaign campaign = parse_campaign(test::example_toml + warm_shape, "/campaigns");
    campaign.split = {.train = 0.5, .validation = 0.1, .inference = 1.0, .folds = 2};

    const TaskGraph graph = make_task_graph(campaign, with_varied(), "cpu");

    for (const TrainTask& task : graph.trainings) {
        if (task.ensemble != "S/scale/down") continue;
        INFO(task.name);
        const PlannedNet& net = task.nets.front();
        const PlannedNet& first = graph.ensemble("S").nets[3 * net.fold + net.member % 3];
        CHECK(first.fold == net.fold);
        CHECK(task.net_requests.front().warm_start.task == first.task);
    }
}

TEST_CASE("a replacement differs from its net by its seeds alone", "[campaign]") {
    Campaign campaign = packed(3, 2);
    campaign.ensemble.replicas = 1;
    campaign.split = {.train = 0.5, .validation = 0.1, .inference = 1.0, .folds = 2};
    const std::vector<SampleInfo> samples = example_samples();
    const TaskGraph graph = make_task_graph(campaign, samples, "cpu");
    const GraphInputs inputs{campaign, samples, "cpu"};
    const PlannedNet planned = graph.ensemble("B").nets[4];  // fold 1, member 1

    const TrainTask task = replacement_task(inputs, planned, 2);

    const std::string name = "B/fold 1/member 1/replacement 2";
    CHECK(task.name == name);
    CHECK(task.ensemble == "B");
    REQUIRE(task.net_requests.size() == 1);
    const NetRequest& net = task.net_requests[0];
    CHECK(net.initialisation_seed == seed_for(20261121, name, Stream::initialisation));
    CHECK(net.shuffle_seed == seed_for(20261121, name, Stream::shuffle));
    CHECK(task.common->fold == 1);
    CHECK(task.request().task == task.digest);
    CHECK(task.nets == std::vector<PlannedNet>{{name, "B", 1, 1, task.digest, 0}});
    CHECK(task.digest != replacement_task(inputs, planned, 1).digest);
    const PlannedNet replica = graph.ensemble("B/replicas").nets[0];
    CHECK(replacement_task(inputs, replica, 1).net_requests[0].replica ==
          seed_for(20261121, "replica 0", Stream::replica));
}

TEST_CASE("further members are those a larger ensemble would have", "[campaign]") {
    const std::vector<SampleInfo> samples = example_samples();
    const Campaign campaign = packed(4, 2);
    const TaskGraph larger = graph_of(packed(8, 2));

    const auto tasks = further_members({campaign, samples, "cpu"}, "SBI", {4, 8});

    REQUIRE(tasks.size() == 2);
    CHECK(tasks[0].digest == larger.trainings[4 + 2].digest);
    CHECK(tasks[1].digest == larger.trainings[4 + 3].digest);
}

TEST_CASE("the digest of an ensemble covers the rules that decide about its nets", "[campaign]") {
    const auto digest = [](auto&& change) {
        Campaign campaign = example_campaign();
        campaign.ensemble.replicas = 2;
        change(campaign);
        const TaskGraph graph = graph_of(campaign);
        return std::pair(ensemble_digest(graph, "S"), ensemble_digest(graph, "S/replicas"));
    };
    const auto plain = digest([](Campaign&) {});
    const auto gates = digest([](Campaign& campaign) { campaign.gates.slope = 0.3; });
    const auto replaced = digest([](Campaign& campaign) { campaign.ensemble.replacements = 1; });
    const auto grown = digest([](Campaign& campaign) { campaign.ensemble.until_spread = 0.1; });
    const auto unused = digest([](Campaign& campaign) { campaign.ensemble.max_members = 300; });

    CHECK(gates.first != plain.first);
    CHECK(gates.second != plain.second);
    CHECK(replaced.first != plain.first);
    CHECK(grown.first != plain.first);
    CHECK(grown.second == plain.second);  // replicas are as many as the campaign says
    CHECK(unused == plain);
    CHECK(plain.first != plain.second);
}
