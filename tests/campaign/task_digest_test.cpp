// What is part of the identity of a task, and what is not.
#include <algorithm>
#include <functional>
#include <set>
#include <type_traits>

#include "ratiofarm_test/catch.hpp"

#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_samples;

namespace {

/// Everything a graph is made from.
struct Inputs {
    Campaign campaign = example_campaign();
    std::vector<SampleInfo> samples = example_samples();
    std::string device_class = "cpu";

    TaskGraph graph() const { return make_task_graph(campaign, samples, device_class); }
};

struct Change {
    std::string what;
    std::function<void(Inputs&)> apply;
};

std::set<Digest> training_digests(const TaskGraph& graph) {
    std::set<Digest> digests;
    for (const TrainTask& task : graph.trainings) digests.insert(task.digest);
    return digests;
}

std::set<Digest> inference_digests(const TaskGraph& graph) {
    std::set<Digest> digests;
    for (const InferTask& task : graph.inferences) digests.insert(task.digest);
    return digests;
}

std::size_t kept(const std::set<Digest>& before, const std::set<Digest>& after) {
    return static_cast<std::size_t>(
        std::count_if(before.begin(), before.end(),
                      [&](const Digest& digest) { return after.contains(digest); }));
}

}  // namespace

TEST_CASE("of the options of a training those that determine its result are in its digest",
          "[campaign]") {
    const Digest before = Inputs{}.graph().trainings.front().digest;
    std::size_t options = 0;
    const TrainingOptions plain;
    for_each_field(plain, [&](std::string_view changed, const auto&, const Key& key) {
        Inputs inputs;
        for_each_field(inputs.campaign.training, [&](std::string_view name, auto& member, auto&) {
            using Member = std::decay_t<decltype(member)>;
            if (name != changed) return;
            if constexpr (std::is_enum_v<Member>) {
                member = static_cast<Member>(member == Member{} ? 1 : 0);
            } else {
                member += 1;
            }
        });
        INFO(changed);
        bool written = false;  // an option that came later and is not used is in no digest
        for_each_field(std::as_const(inputs.campaign.training),
                       [&](std::string_view name, const auto&, const Key& now) {
                           if (name == changed) written = now.written;
                       });
        const bool same = inputs.graph().trainings.front().digest == before;
        CHECK(same == (key.effect != Key::Effect::result || !written));
        ++options;
    });
    CHECK(options == 24);
}

TEST_CASE("what determines the weights changes every training", "[campaign]") {
    const auto change = GENERATE(values<Change>({
        {"seed", [](Inputs& in) { in.campaign.seed += 1; }},
        {"split", [](Inputs& in) { in.campaign.split.validation = 0.09; }},
        {"layers",
         [](Inputs& in) {
             in.campaign.network.hidden = {8, 5};
         }},
        {"activation", [](Inputs& in) { in.campaign.network.activation = Activation::relu; }},
        {"epochs", [](Inputs& in) { in.campaign.training.epochs += 1; }},
        {"batch", [](Inputs& in) { in.campaign.training.batch += 1; }},
        {"learning rate", [](Inputs& in) { in.campaign.training.learning_rate *= 2; }},
        {"optimizer", [](Inputs& in) { in.campaign.training.optimizer = Optimizer::adam; }},
        {"schedule", [](Inputs& in) { in.campaign.training.schedule = Schedule::constant; }},
        {"weight decay", [](Inputs& in) { in.campaign.training.weight_decay = 0.1; }},
        {"patience", [](Inputs& in) { in.campaign.training.patience += 1; }},
        {"threads", [](Inputs& in) { in.campaign.training.threads += 1; }},
        {"reference shares", [](Inputs& in) { in.campaign.reference.mixture[0].second = 0.3; }},
        {"reference samples", [](Inputs& in) { in.campaign.reference.mixture.pop_back(); }},
        {"events of the reference", [](Inputs& in) { in.samples[1].digest.low += 1; }},
        {"device class", [](Inputs& in) { in.device_class = "NVIDIA H100"; }},
    }));
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    change.apply(inputs);

    INFO(change.what);
    CHECK(kept(training_digests(before), training_digests(inputs.graph())) == 0);
    CHECK(kept(inference_digests(before), inference_digests(inputs.graph())) == 0);
}

TEST_CASE("what does not determine the weights changes no training", "[campaign]") {
    const auto change = GENERATE(values<Change>({
        {"campaign name", [](Inputs& in) { in.campaign.name = "other"; }},
        {"folder", [](Inputs& in) { in.campaign.folder = "/elsewhere"; }},
        {"events file", [](Inputs& in) { in.campaign.events.file = "copy.h5"; }},
        {"place of the bytes",
         [](Inputs& in) {
             for (SampleInfo& sample : in.samples) {
                 sample.columns.file = "/copy.h5";
                 sample.columns.features_offset += 64;
                 sample.columns.weight_offset += 64;
                 sample.columns.id_offset += 64;
             }
         }},
        {"unused column, by a new layout",  // the digest of a sample is of the columns in use
         [](Inputs& in) {
             for (SampleInfo& sample : in.samples) {
                 sample.column_names.insert(sample.column_names.begin(), "phi");
                 sample.columns.columns += 1;
             }
         }},
        {"time between checkpoints",
         [](Inputs& in) { in.campaign.training.checkpoint_seconds = 1; }},
        {"yield", [](Inputs& in) { in.campaign.processes[0].yield = 3.0; }},
        {"coefficient", [](Inputs& in) { in.campaign.processes[0].coefficient = {}; }},
        {"range of a parameter", [](Inputs& in) { in.campaign.parameters[0].high = 3.0; }},
        {"data", [](Inputs& in) { in.campaign.data.source = AsimovSource::reference; }},
        {"shape norm", [](Inputs& in) { in.campaign.inference.shape_norm = ShapeNorm::none; }},
        {"order of the samples", [](Inputs& in) { std::swap(in.samples[0], in.samples[2]); }},
        {"order of the processes",
         [](Inputs& in) { std::swap(in.campaign.processes[0], in.campaign.processes[2]); }},
        {"order of the reference",
         [](Inputs& in) {
             std::swap(in.campaign.reference.mixture[0], in.campaign.reference.mixture[1]);
         }},
    }));
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    change.apply(inputs);

    INFO(change.what);
    CHECK(training_digests(before) == training_digests(inputs.graph()));
    CHECK(inference_digests(before) == inference_digests(inputs.graph()));
}

TEST_CASE("more members keep the trainings of the first ones", "[campaign]") {
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    inputs.campaign.ensemble.members += 10;

    const TaskGraph after = inputs.graph();
    CHECK(after.trainings.size() == 39);
    CHECK(kept(training_digests(before), training_digests(after)) == 9);
    CHECK(kept(inference_digests(before), inference_digests(after)) == 0);  // averages of more nets
}

TEST_CASE("a process outside the reference adds its own tasks only", "[campaign]") {
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    inputs.campaign.processes.push_back({"other", "other", "", Coefficient{}, std::nullopt});
    inputs.samples.push_back(test::example_sample("other", 10));

    const TaskGraph after = inputs.graph();
    CHECK(after.trainings.size() == 12);
    CHECK(kept(training_digests(before), training_digests(after)) == 9);
    CHECK(kept(inference_digests(before), inference_digests(after)) == before.inferences.size());
}

TEST_CASE("other weights of one net change the digest of its ensemble alone", "[campaign]") {
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    // Not in the reference: its events matter to nobody else.
    inputs.campaign.reference.mixture = {{"S", 1.0}};
    const TaskGraph narrow = inputs.graph();
    inputs.samples[2].digest.low += 1;
    const TaskGraph after = inputs.graph();

    CHECK(ensemble_digest(narrow, "S") == ensemble_digest(after, "S"));
    CHECK(ensemble_digest(narrow, "B") != ensemble_digest(after, "B"));
    CHECK(ensemble_digest(before, "S") != ensemble_digest(before, "B"));
}

TEST_CASE("the combination of the members changes evaluations but no training", "[campaign]") {
    Inputs inputs;
    const TaskGraph before = inputs.graph();

    inputs.campaign.ensemble.combine = Combine::mean_ratio;

    CHECK(training_digests(before) == training_digests(inputs.graph()));
    CHECK(kept(inference_digests(before), inference_digests(inputs.graph())) == 0);
}

TEST_CASE("the digest of the ratios follows all but the numbers of declared yields", "[campaign]") {
    const Inputs inputs;
    const auto digest = [](const Inputs& in) {
        return ratios_digest(in.campaign, in.samples, in.graph());
    };
    const auto change = GENERATE(values<Change>({
        {"no declared yield", [](Inputs& in) { in.campaign.processes[0].yield.reset(); }},
        {"summed weights", [](Inputs& in) { in.samples[1].sum_of_weights = 3.0; }},
        {"norm", [](Inputs& in) { in.campaign.inference.shape_norm = ShapeNorm::none; }},
        {"order of columns",
         [](Inputs& in) { std::swap(in.campaign.processes[0], in.campaign.processes[2]); }},
    }));

    Inputs changed;
    change.apply(changed);

    INFO(change.what);
    CHECK(digest(inputs) == digest(Inputs{}));
    CHECK(digest(inputs) != digest(changed));
    changed = {};
    changed.campaign.processes[0].yield = 3.0;
    CHECK(digest(inputs) == digest(changed));
}
