// The classifier of a preselection: what it learns, its tasks, and the choice of its nets.
#include <algorithm>
#include <cmath>
#include <memory>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/ensemble_choice.hpp"
#include "campaign/training_planner.hpp"
#include "core/seeds.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::example_campaign;
using test::example_sample;
using test::example_samples;

namespace {

/// Class "other" of SBI and B, class "signal" of S, with a net of their own.
Campaign example() {
    Campaign campaign = example_campaign();
    PreselectionSection section;
    section.classes = {{"other", {"SBI", "B"}}, {"signal", {"S"}}};
    section.features = {"pt"};
    section.members = 2;
    section.network = {.inputs = 1, .hidden = {5}, .outputs = 2};
    section.training.epochs = 7;
    section.training.calibration = CalibrationMethod::isotonic;
    section.training.engine = Engine::written;
    campaign.preselection = section;
    SystematicSection scale;
    scale.name = "scale";
    scale.shapes = {{"S", "S_up", "S_down", SystematicSection::Source::samples}};
    campaign.systematics = {scale};
    campaign.data.sample = "data";
    campaign.data.observed = true;
    return campaign;
}

/// SBI has no declared yield: the sum of its weights, 700, counts; B has one of 300.
std::vector<SampleInfo> samples() {
    std::vector<SampleInfo> all = example_samples();
    for (const char* name : {"S_up", "S_down", "data"}) all.push_back(example_sample(name, 500));
    return all;
}

TaskGraph graph_of(const Campaign& campaign) {
    const auto all = samples();
    return make_preselection_graph({campaign, all, "cpu"});
}

}  // namespace

TEST_CASE("a class is its processes by their yields", "[campaign]") {
    Campaign campaign = example();
    campaign.processes[2].yield = 300.0;

    const EnsembleSpec spec = preselection_spec(campaign, samples());

    CHECK(spec.name == "preselection");
    CHECK(spec.role == EnsembleRole::classes);
    CHECK(spec.numerator.empty());
    REQUIRE(spec.classes.size() == 2);
    CHECK(spec.classes[0] == ClassParts{"other", {{"B", "", 0.3}, {"SBI", "", 0.7}}});
    CHECK(spec.classes[1] == ClassParts{"signal", {{"S", "", 1.0}}});
}

TEST_CASE("processes of one sample are one part of their class", "[campaign]") {
    Campaign campaign = example();
    campaign.processes[2].sample = "SBI";
    campaign.processes[2].yield = 300.0;

    const EnsembleSpec spec = preselection_spec(campaign, samples());

    CHECK(spec.classes[0] == ClassParts{"other", {{"SBI", "", 1.0}}});
}

TEST_CASE("the nets of a preselection are its own", "[campaign]") {
    const Campaign campaign = example();

    const TaskGraph graph = graph_of(campaign);

    REQUIRE(graph.trainings.size() == 2);
    const TrainTask& task = graph.trainings[1];
    CHECK(task.name == "preselection/member 1");
    const TrainRequest& request = task.request();
    CHECK(request.numerator.empty());
    CHECK(request.denominator.empty());
    REQUIRE(request.classes.size() == 2);
    REQUIRE(request.classes[0].size() == 2);
    CHECK(request.classes[0][0].sample.sample == "B");
    CHECK(request.classes[1][0].sample.sample == "S");
    CHECK(request.features == std::vector<std::uint32_t>{2});  // pt
    CHECK(request.network == campaign.preselection->network);
    CHECK(request.training.epochs == 7);
    CHECK(request.training.calibration == CalibrationMethod::none);
    CHECK(request.training.engine == Engine::automatic);
    CHECK(request.nets[0].initialisation_seed ==
          seed_for(campaign.seed, "preselection/member 1", Stream::initialisation));
    CHECK(graph.trainings[0].digest != task.digest);
    // Train and validation events of all three samples: 3000 learn, 600 validate.
    CHECK(task.flop == 7.0 * forward_flop(request.network) * (3.0 * 3000.0 + 600.0));
}

TEST_CASE("a preselection judges every event of every sample that is read", "[campaign]") {
    Campaign campaign = example();
    campaign.split.folds = 2;

    const TaskGraph graph = graph_of(campaign);

    std::vector<std::string> names;
    for (const InferTask& task : graph.inferences) {
        names.push_back(task.sample);
        CHECK(task.ensemble == "preselection");
        CHECK(task.request.part == EventPart::all);
        CHECK(task.request.network.outputs == 2);
        CHECK(task.request.features == std::vector<std::uint32_t>{2});
        CHECK(task.request.combine == Combine::mean_log_ratio);
        CHECK_FALSE(task.request.keep_members);
        const bool is_data = task.sample == "data";
        CHECK(task.request.net_fold ==
              (is_data ? std::vector<std::uint32_t>{} : std::vector<std::uint32_t>{0, 0, 1, 1}));
    }
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"B", "S", "SBI", "S_down", "S_up", "data"});
}

TEST_CASE("digests of a preselection follow what its nets learn", "[campaign]") {
    const Campaign campaign = example();
    const Digest before = graph_of(campaign).ensembles.front().digest;
    Campaign changed = campaign;
    SECTION("yields") { changed.processes[2].yield = 300.0; }
    SECTION("classes") {
        changed.preselection->classes = {{"other", {"SBI"}}, {"signal", {"S", "B"}}};
    }
    SECTION("order of the classes") {
        std::swap(changed.preselection->classes[0], changed.preselection->classes[1]);
    }
    SECTION("network") { changed.preselection->network.hidden = {6}; }
    SECTION("options") { changed.preselection->training.epochs = 8; }
    SECTION("features") { changed.preselection->features = {"mass"}; }

    CHECK(graph_of(changed).ensembles.front().digest != before);

    Campaign same = campaign;
    same.network.hidden = {99};
    same.training.epochs = 99;
    same.preselection->classes[0].name = "renamed";
    CHECK(graph_of(same).ensembles.front().digest == before);
}

TEST_CASE("a preselection net that diverged is replaced by one with its settings", "[campaign]") {
    const Campaign campaign = example();
    const auto all = samples();
    const GraphInputs inputs{campaign, all, "cpu"};
    const TaskGraph graph = make_preselection_graph(inputs);
    TrainingResult bad;
    bad.nets.resize(1);
    bad.nets[0].failure = "diverged: training loss is nan";
    TrainingResult good;
    good.nets.resize(1);
    good.nets[0].best_validation_loss = 0.6;
    good.nets[0].training_events = good.nets[0].validation_events = 1000;
    good.nets[0].quality.logit_spread = 1.0;
    good.nets[0].quality.calibration_slope = 1.0;

    const auto choices = choose_ensembles(inputs, graph, [&](const Digest& task) {
        return task == graph.trainings[0].digest   ? std::make_shared<TrainingResult>(bad)
               : task == graph.trainings[1].digest ? std::make_shared<TrainingResult>(good)
                                                   : nullptr;
    });

    REQUIRE(choices.size() == 1);
    CHECK_FALSE(choices[0].complete);
    REQUIRE(choices[0].trainings.size() == 3);
    const TrainTask& again = choices[0].trainings[2];
    CHECK(again.name == "preselection/member 0/replacement 1");
    CHECK(again.identity == TaskIdentity{.kind = TaskKind::preselection,
                                         .family = "preselection",
                                         .nets = 1,
                                         .replacement = 1});
    CHECK(again.common->classes.size() == 2);
    CHECK(again.common->network == campaign.preselection->network);
    CHECK(choices[0].choices[1].state == SlotChoice::State::chosen);
}

TEST_CASE("the loss of a classifier is compared with a constant one of as many classes",
          "[campaign]") {
    // A gain of ln 10 - 1 = 1.3: a twentieth of it is the least scatter.
    std::vector<NetSlot> slots;
    for (const double loss : {1.0, 1.0, 1.0, 1.4}) {
        TrainedNet net;
        net.best_validation_loss = loss;
        net.training_events = net.validation_events = 1'000'000;
        net.quality.logit_spread = 1.0;
        net.quality.calibration_slope = 1.0;
        net.quality.constant_loss = std::log(10.0);
        slots.push_back(
            {.name = "n", .tried = {{"n", {}, std::make_shared<TrainedNet>(std::move(net))}}});
    }

    const auto choices = choose_nets(slots, GatesSection{}, 0);
    CHECK(choices[3].state == SlotChoice::State::chosen);

    auto worse = std::make_shared<TrainedNet>(*slots[3].tried[0].result);
    worse->best_validation_loss = 1.6;
    slots[3].tried[0].result = worse;
    CHECK(choose_nets(slots, GatesSection{}, 0)[3].state == SlotChoice::State::exhausted);
}

TEST_CASE("a preselection needs the columns of its features", "[campaign]") {
    Campaign campaign = example();
    campaign.preselection->features = {"ptt"};

    CHECK_THROWS_WITH(graph_of(campaign), Contains("has no column 'ptt'"));
}
