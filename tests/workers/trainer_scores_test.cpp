// Evaluation of other events than those of the likelihood, and of classifiers. Oracle: one event at
// a time in double precision, straight from the definition.

#include <algorithm>
#include <numeric>

#include "inference_setup.hpp"

namespace ratiofarm::trainer {
namespace {

using test::InferenceSetup;
using test::make_setup;
using test::naive_logit;
using test::naive_logits;
using test::run;
using test::TemporaryDirectory;

bool is_of(SplitPart found, EventPart wanted) {
    if (wanted == EventPart::all) return true;
    return found ==
           (wanted == EventPart::validation ? SplitPart::validation : SplitPart::inference);
}

TEST_CASE("an ensemble is evaluated on the part of the events that is asked for", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 1, 900);
    setup.request.part = GENERATE(EventPart::inference, EventPart::validation, EventPart::all);

    const RatioBlock block = run(setup.request);

    std::vector<double> expected;
    for (std::size_t row = 0; row < setup.sample.id.size(); ++row) {
        if (!is_of(split_part(setup.sample.id[row], setup.request.split), setup.request.part)) {
            continue;
        }
        const float* x = &setup.sample.features[3 * row];
        expected.push_back(naive_logit(setup.request.network, setup.rows[0], {x[2], x[0]}));
    }
    REQUIRE(expected.size() > 50);
    REQUIRE(block.log_ratio.size() == expected.size());
    for (std::size_t event = 0; event < expected.size(); ++event) {
        REQUIRE(static_cast<double>(block.log_ratio[event]) ==
                Approx(expected[event]).margin(2e-6));
    }
}

TEST_CASE("with folds there are no validation events of all nets", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 100);
    setup.request.part = EventPart::validation;
    setup.request.split.folds = 2;
    setup.request.net_fold = {0, 1};

    test::ScriptedControl control;
    const std::string message =
        test::message_of([&] { infer(setup.request, DeviceKind::cpu, control); });

    CHECK(test::contains(message, "with folds an event is for validation to some nets"));
}

/// Softmax of the mean over some nets of ln softmax, by its definition.
std::vector<double> naive_log_probabilities(const InferenceSetup& setup,
                                            const std::vector<std::size_t>& members,
                                            const std::vector<float>& x) {
    const auto normalised = [](std::vector<double> z) {
        double sum = 0.0;
        for (const double value : z) sum += std::exp(value);
        for (double& value : z) value -= std::log(sum);
        return z;
    };
    std::vector<double> mean(setup.request.network.outputs, 0.0);
    for (const std::size_t member : members) {
        const auto z = normalised(naive_logits(setup.request.network, setup.rows[member], x));
        for (std::size_t k = 0; k < z.size(); ++k) {
            mean[k] += z[k] / static_cast<double>(members.size());
        }
    }
    return normalised(mean);
}

ScoreBlock run_classifier(const InferRequest& request) {
    test::ScriptedControl control;
    REQUIRE(infer(request, DeviceKind::cpu, control).end == TaskEnd::done);
    return read_task_file<ScoreBlock>(request.result_path, request.task);
}

TEST_CASE("a classifier gives ln probabilities of all its classes for all events", "[trainer]") {
    const TemporaryDirectory folder;
    const auto members = GENERATE(1U, 3U);
    InferenceSetup setup = make_setup(folder, members, 1100, 3);
    setup.request.part = EventPart::all;
    setup.request.first = 40;
    setup.request.count = 1060;
    std::vector<std::size_t> all(members);
    std::iota(all.begin(), all.end(), 0);

    const ScoreBlock block = run_classifier(setup.request);

    REQUIRE(block.classes == 3);
    REQUIRE(block.log_probability.size() == 3 * 1060);
    for (std::size_t event = 0; event < 1060; ++event) {
        const float* x = &setup.sample.features[3 * (event + 40)];
        const auto expected = naive_log_probabilities(setup, all, {x[2], x[0]});
        for (std::size_t k = 0; k < 3; ++k) {
            REQUIRE(static_cast<double>(block.log_probability[k * 1060 + event]) ==
                    Approx(expected[k]).margin(2e-6));
        }
    }
}

TEST_CASE("with folds an event is classified by the nets that did not see it", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 3, 800, 4);
    setup.request.part = EventPart::all;
    setup.request.split.folds = 2;
    setup.request.net_fold = {1, 0, 1};

    const ScoreBlock block = run_classifier(setup.request);

    REQUIRE(block.log_probability.size() == 4 * 800);
    for (std::size_t event = 0; event < 800; ++event) {
        const float* x = &setup.sample.features[3 * event];
        const bool first = fold_of(setup.sample.id[event], 2) == 0;
        const auto expected = naive_log_probabilities(
            setup, first ? std::vector<std::size_t>{1} : std::vector<std::size_t>{0, 2},
            {x[2], x[0]});
        for (std::size_t k = 0; k < 4; ++k) {
            REQUIRE(static_cast<double>(block.log_probability[k * 800 + event]) ==
                    Approx(expected[k]).margin(2e-6));
        }
    }
}

}  // namespace
}  // namespace ratiofarm::trainer
