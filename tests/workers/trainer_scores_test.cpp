// Evaluation of other events than those of the likelihood, and of classifiers. Oracle: one event at
// a time in double precision, straight from the definition.

#include "inference_setup.hpp"

namespace ratiofarm {
namespace {

using test::InferenceSetup;
using test::make_setup;
using test::naive_logit;
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

}  // namespace
}  // namespace ratiofarm
