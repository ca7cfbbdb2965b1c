// Systematics whose shapes are trained: keys, samples, trainings, evaluations and yields.
#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/ensemble_spec.hpp"
#include "campaign/make_model.hpp"
#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::example_sample;
using test::example_toml;

namespace {

const std::string sections = R"toml(
[[systematic]]
name = "scale"
shape = { S = { up = "S_up", down = "S_down" } }
[[systematic]]
name = "theory"
shape = { SBI = { up_weight = "muR_2", down_weight = "muR_05" } }
)toml";

Campaign example(const std::string& more = sections) {
    return parse_campaign(example_toml + more, "/campaigns");
}

/// The weights of every sample sum to 700; those of the variations to multiples of 70.
std::vector<SampleInfo> samples() {
    std::vector<SampleInfo> all = test::example_samples();
    all.push_back(example_sample("S_up", 800));
    all.push_back(example_sample("S_down", 900));
    all[3].sum_of_weights = 770.0;
    all[4].sum_of_weights = 560.0;
    all[1].weights = {{"muR_2", 100'000, Digest{1, 2}, 840.0},
                      {"muR_05", 200'000, Digest{3, 4}, 630.0}};
    return all;
}

std::string message_of(const std::string& shape) {
    try {
        example("[[systematic]]\nname = \"x\"\nshape = { S = " + shape + " }\n");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

TaskGraph graph() { return make_task_graph(example(), samples(), "cpu"); }

}  // namespace

TEST_CASE("a process may be a sample with a column of its own as weights", "[campaign]") {
    std::string text = example_toml;
    const std::string line = "name = \"SBI\"\n";
    text.insert(text.find(line) + line.size(), "sample = \"S\"\nweight = \"sbi\"\n");

    const Campaign campaign = parse_campaign(text, "/campaigns");
    const auto specs = ensemble_specs(campaign);
    const auto spec = std::ranges::find(specs, "SBI", &EnsembleSpec::name);
    const auto read = samples_to_read(campaign);

    CHECK(campaign.process("SBI").events() == "S@sbi");
    CHECK(spec->numerator == std::vector<SamplePart>{{"S@sbi", "", 1.0}});
    CHECK(std::ranges::count(read, SampleToRead{"S@sbi", {}}) == 1);
    CHECK(parse_campaign(campaign_toml(campaign), "/campaigns").processes == campaign.processes);
    const std::string shape = "[[systematic]]\nname = \"x\"\nshape = { SBI = ";
    CHECK_THROWS_WITH(parse_campaign(text + shape + "{ up = \"u\", down = \"d\" } }\n", ""),
                      Contains("process 'SBI' has a weight of its own"));
    CHECK_NOTHROW(
        parse_campaign(text + shape + "{ up_weight = \"u\", down_weight = \"d\" } }\n", ""));
}

TEST_CASE("a shape has varied samples or varied weights, both sides of it", "[campaign]") {
    CHECK(message_of("{ up = \"u\", down = \"d\" }") == "no error");
    CHECK(message_of("{ up_weight = \"u\", down_weight = \"d\" }") == "no error");
    CHECK_THAT(message_of("{ up = \"u\" }"), Contains("systematic.x.shape.S.down is missing"));
    CHECK_THAT(message_of("{ up_weight = \"u\" }"),
               Contains("systematic.x.shape.S.down_weight is missing"));
    CHECK_THAT(message_of("{ up_weight = \"u\", down = \"d\" }"),
               Contains("down_weight is missing") &&
                   Contains("systematic.x.shape.S.down = \"d\" (a shape has varied samples or "
                            "varied weights, not both)"));
    CHECK_THAT(message_of("{ up_wight = \"u\", down_weight = \"d\" }"),
               Contains("did you mean 'up_weight'?"));
}

TEST_CASE("data are other events than those of a variation", "[campaign]") {
    const std::string data = test::replaced(
        example_toml, "asimov = { mu = 1.0, source = \"samples\" }", "sample = \"S_down\"");

    CHECK_THROWS_WITH(parse_campaign(data + sections, "."),
                      Contains("data.sample = \"S_down\" (systematic 'scale' is trained on this "
                               "sample; data must be other events)"));
}

TEST_CASE("varied samples are read but no sets of the ratio file", "[campaign]") {
    CHECK(samples_to_read(example()) ==
          std::vector<SampleToRead>{
              {"S", {}}, {"SBI", {"muR_2", "muR_05"}}, {"B", {}}, {"S_up", {}}, {"S_down", {}}});
    CHECK(campaign_samples(example()) == std::vector<std::string>{"S", "SBI", "B"});
}

TEST_CASE("a varied sample is class 1, the nominal one class 0", "[campaign]") {
    const TrainTask task = graph().trainings[9];

    CHECK(task.name == "S/scale/up/member 0");
    REQUIRE(task.common->numerator.size() == 1);
    REQUIRE(task.common->denominator.size() == 1);
    CHECK(task.common->numerator[0].sample.sample == "S_up");
    CHECK(task.common->denominator[0].sample.sample == "S");
    // 2-8-4-1: 130 operations; half of 400 + 500 training events, a fifth of all for validation.
    CHECK(task.flop == Approx(10 * 130.0 * (3 * 450 + 180)).epsilon(1e-12));
}

TEST_CASE("varied weights are another column of the same events", "[campaign]") {
    const TaskGraph tasks = graph();
    const TrainTask& task = tasks.trainings[15];

    CHECK(task.name == "SBI/theory/down/member 0");
    const SampleColumns& varied = task.common->numerator[0].sample;
    const SampleColumns& nominal = task.common->denominator[0].sample;
    CHECK(varied.sample == "SBI");
    CHECK(varied.weight_offset == 200'000);
    CHECK(nominal.weight_offset == 4096);
    CHECK(varied.features_offset == nominal.features_offset);
    CHECK(task.flop == Approx(10 * 130.0 * (3 * 500 + 200)).epsilon(1e-12));  // each event once
}

TEST_CASE("other varied weights change their own nets alone", "[campaign]") {
    const TaskGraph before = graph();
    std::vector<SampleInfo> changed = samples();
    changed[1].weights[0].digest.low += 1;
    const TaskGraph after = make_task_graph(example(), changed, "cpu");

    REQUIRE(after.trainings.size() == 9 + 8);
    for (std::size_t i = 0; i < after.trainings.size(); ++i) {
        INFO(after.trainings[i].name);
        CHECK((after.trainings[i].digest != before.trainings[i].digest) ==
              after.trainings[i].name.starts_with("SBI/theory/up/"));
    }
}

TEST_CASE("shapes are evaluated on every set of the ratio file", "[campaign]") {
    std::vector<std::string> on;
    for (const InferTask& task : graph().inferences) {
        if (task.ensemble == "S/scale/down") on.push_back(task.sample);
    }
    CHECK(on == std::vector<std::string>{"S", "SBI", "B"});
}

TEST_CASE("yields follow the weights of varied and nominal events", "[campaign]") {
    const auto yields = trained_yields(example(), samples());

    REQUIRE(yields.size() == 2);
    CHECK(yields[0].process == "S");
    CHECK(yields[0].parameter == "alpha_scale");
    CHECK(yields[0].factors.up == Approx(1.1).epsilon(1e-12));
    CHECK(yields[0].factors.down == Approx(0.8).epsilon(1e-12));
    CHECK(yields[1].process == "SBI");
    CHECK(yields[1].factors.up == Approx(1.2).epsilon(1e-12));
    CHECK(yields[1].factors.down == Approx(0.9).epsilon(1e-12));
    const StatisticalModel model = make_model(example(), samples());
    CHECK(model.unbinned[0].processes[0].systematics.at(0).yield->up == Approx(1.1));
}

TEST_CASE("yields that the campaign says need no sums of weights", "[campaign]") {
    const Campaign campaign = example(
        "[[systematic]]\nname = \"scale\"\nshape = { S = { up = \"S_up\", down = \"S_down\" } }\n"
        "yield = {}\n");
    std::vector<SampleInfo> unusable = samples();
    unusable[3].sum_of_weights = -1.0;

    CHECK(trained_yields(campaign, unusable).empty());
    CHECK_THROWS_WITH(trained_yields(example(), unusable),
                      Contains("the weights of sample 'S_up' sum to -1"));
}

TEST_CASE("the digest of the ratios follows yields by weights", "[campaign]") {
    std::vector<SampleInfo> heavier = samples();
    heavier[4].sum_of_weights = 570.0;

    CHECK(ratios_digest(example(), samples(), graph()) !=
          ratios_digest(example(), heavier, graph()));
}

TEST_CASE("missing varied samples and weights are told by name", "[campaign]") {
    std::vector<SampleInfo> without = samples();
    without[1].weights.pop_back();
    CHECK_THROWS_WITH(make_task_graph(example(), without, "cpu"),
                      Contains("sample 'SBI' was read without the weights 'muR_05'"));
    without = samples();
    without.pop_back();
    CHECK_THROWS_WITH(make_task_graph(example(), without, "cpu"), Contains("sample 'S_down'"));
}

TEST_CASE("nets of halves are an ensemble, each net is kept", "[campaign]") {
    const TaskGraph tasks = graph();
    const auto find = [&](const std::string& name) {
        return *std::find_if(tasks.trainings.begin(), tasks.trainings.end(),
                             [&](const TrainTask& task) { return task.name == name; });
    };

    const TrainTask half = find("S/scale/down/member 1");
    const TrainTask nominal = find("S/member 0");

    CHECK(half.ensemble == "S/scale/down");
    REQUIRE(half.net_requests.size() == 1);
    CHECK(half.net_requests[0].half == 2);
    CHECK(find("S/scale/down/member 0").net_requests[0].half == 1);
    CHECK(half.common->training.batch == 50);  // as many steps as all events with 100
    CHECK(half.common->held_out);
    CHECK(nominal.net_requests[0].half == 0);
    CHECK(nominal.common->training.batch == 100);
    CHECK_FALSE(nominal.common->held_out);
    CHECK(half.flop == Approx(10 * 130.0 * (3 * 475 + 190)).epsilon(1e-12));
    for (const InferTask& task : tasks.inferences) {
        CHECK(task.request.keep_members ==
              (task.ensemble.ends_with("/up") || task.ensemble.ends_with("/down")));
    }
}

TEST_CASE("halves are alone in their tasks whatever the packs", "[campaign]") {
    Campaign campaign = example();
    campaign.training.pack = 8;

    for (const TrainTask& task : make_task_graph(campaign, samples(), "cpu").trainings) {
        if (task.ensemble.starts_with("S/scale/")) CHECK(task.nets.size() == 1);
    }
}

TEST_CASE("the digest of the ratios follows what judges the shapes", "[campaign]") {
    Campaign strict = example();
    strict.systematic_nets.null_level = 5.0;
    Campaign kept = example();
    kept.systematic_nets.null_shapes =
        InsignificantShapes::keep;  // read by the fit, not by the file

    const auto digest = [](const Campaign& campaign) {
        return ratios_digest(campaign, samples(), make_task_graph(campaign, samples(), "cpu"));
    };
    CHECK(digest(strict) != digest(example()));
    CHECK(digest(kept) == digest(example()));
}
