#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/campaign.hpp"
#include "campaign/file/starter_campaign.hpp"
#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_toml;
using test::replaced;

namespace {

std::string message_of(const std::string& toml) {
    try {
        parse_campaign(toml, ".");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

/// One mistake in the example: what stands there, what replaces it, and the whole message.
struct Mistake {
    std::string from;
    std::string to;
    std::string message;
};

}  // namespace

TEST_CASE("five mistakes give five lines with place, key, value and advice", "[campaign]") {
    std::string toml = example_toml;
    toml = replaced(toml, "epochs = 10", "epochs = 0");
    toml = replaced(toml, "batch = 100", "batsh = 100");
    toml = replaced(toml, "SBI = 2, B", "SBY = 2, B");
    toml = replaced(toml, "\"sqrt(mu)\"", "\"sqrt(nu)\"");
    toml = replaced(toml, "seed = 20261121", "seed = \"today\"");

    CHECK(message_of(toml) ==
          R"toml(5 mistakes in campaign.toml:
campaign.toml:4:8: campaign.seed = "today" (must be a whole number from 0 to 9223372036854775807)
campaign.toml:26:15: process.SBI.coefficient = "sqrt(nu)" (unknown parameter 'nu' at character 6; did you mean 'mu'? (allowed: sums and products of numbers, parameters, parameter^power and sqrt(parameter), such as 'mu - sqrt(mu)'))
campaign.toml:33:26: reference.mixture.SBY = 2 (no such process; did you mean 'SBI'?)
campaign.toml:39:10: training.epochs = 0 (must be a whole number from 1 to 1000000)
campaign.toml:40:1: training.batsh = 100 (unknown key; did you mean 'batch'?))toml");
}

TEST_CASE("each kind of mistake is told by its key, value and what is allowed", "[campaign]") {
    const auto mistake = GENERATE(values<Mistake>({
        {"name = \"interference\"", "",
         "campaign.toml:2:1: campaign.name is missing (for example name = \"interference\")"},
        {"\"interference\"", "\"a/b\"",
         "campaign.toml:3:8: campaign.name = \"a/b\" (must be a name: letters, digits and _ . + - "
         "only, starting with a letter, digit or _)"},
        {"\"interference\"", "7",
         "campaign.toml:3:8: campaign.name = 7 (must be a text in quotes, not empty)"},
        {"[campaign]", "[kampagne]\n[campaign]",
         "campaign.toml:2:2: kampagne (unknown key; known are campaign, events, split, parameters, "
         "process, morphing, systematic, systematics, region, labels, reference, "
         "preselection, network, training, "
         "ensemble, gates, data, inference, finite_mc, search, unfolding, simulate)"},
        {"[\"mass\", \"pt\"]", "[\"mass\", \"mass\"]",
         "campaign.toml:8:12: events.features = [\"mass\", \"mass\"] ('mass' is listed twice)"},
        {"[\"mass\", \"pt\"]", "[]",
         "campaign.toml:8:12: events.features = [] (must name at least one column; only nets that "
         "read particle lists do without: network.kind = \"deep_sets\", \"lorentz\" and so on, or "
         "network.gram)"},
        {"[\"mass\", \"pt\"]", "\"mass\"",
         "campaign.toml:8:12: events.features = \"mass\" (must be an array of texts in brackets)"},
        {"[\"mass\", \"pt\"]", "[\"mass\", 3]",
         "campaign.toml:8:21: events.features[1] = 3 (must be a text in quotes, not empty)"},
        {"train = 0.5", "train = 0.6",
         "campaign.toml:10:1: split.train + validation + inference = 1.1 (must be at most 1; "
         "missing ones count with their defaults 0.5, 0.1, 0.4)"},
        {"train = 0.5", "train = 1.5\nfolds = 5",
         "2 mistakes in campaign.toml:\ncampaign.toml:11:9: split.train = 1.5 (must be a number > "
         "0 and <= 1)\ncampaign.toml:14:13: split.inference = 0.4 (with folds every event is for "
         "inference, by the nets that did not see it; leave it out)"},
        {"inference = 0.4", "folds = 1",
         "campaign.toml:13:9: split.folds = 1 (must be a whole number from 2 to 100)"},
        {"inference = 0.4", "folds = 400",
         "campaign.toml:13:9: split.folds = 400 (must be a whole number from 2 to 100)"},
        {"range = [0.0, 10.0]", "",
         "campaign.toml:15:1: parameters.mu.range is missing (its limits, for example range = "
         "[0.0, 10.0])"},
        {"range = [0.0, 10.0]", "range = [10, 0]",
         "campaign.toml:17:9: parameters.mu.range = [10, 0] (must be two numbers [low, high] with "
         "low < high)"},
        {"range = [0.0, 10.0]", "range = [2, 10]",
         "2 mistakes in campaign.toml:\ncampaign.toml:17:9: parameters.mu.range = [2, 10] (must "
         "contain start = 1.0)\ncampaign.toml:46:17: data.asimov.mu = 1.0 (must be a number from 2 "
         "to 10)"},
        {"range = [0.0, 10.0]", "range = [-1, 10]",
         "campaign.toml:17:9: parameters.mu.range = [-1, 10] (must not reach below 0: the "
         "coefficient of process 'S' contains a root of it)"},
        {"range = [0.0, 10.0]", "range = [0, inf]",
         "campaign.toml:17:13: parameters.mu.range[1] = inf (must be a finite number)"},
        {"[parameters.mu]", "[parameters.kappa]\nrange = [0, 2]\n[parameters.mu]",
         "campaign.toml:15:1: parameters.kappa (nothing depends on it: use it in a coefficient, "
         "a systematic or a binned region, set fixed = true or remove it)"},
        {"[parameters.mu]", "[parameters.sqrt]\nrange = [0, 2]\nfixed = true\n[parameters.mu]",
         "campaign.toml:15:13: parameters.sqrt (a name consists of letters, digits and _ and does "
         "not start with a digit; 'sqrt' and 'source' have another meaning)"},
        {"name = \"SBI\"", "name = \"S\"",
         "2 mistakes in campaign.toml:\ncampaign.toml:25:8: process.S.name = \"S\" (another "
         "process has this name)\ncampaign.toml:33:26: reference.mixture.SBI = 2 (no such process; "
         "known are S, S, B)"},
        {"yield = 100.0", "yield = -3.2",
         "campaign.toml:22:9: process.S.yield = -3.2 (must be a number > 0; the sign belongs to "
         "the coefficient)"},
        {"S = 1, SBI = 2, B = 1", "S = 0, B = 1",
         "campaign.toml:33:17: reference.mixture.S = 0 (must be a number > 0)"},
        {"[reference]\nmixture = { S = 1, SBI = 2, B = 1 }", "",
         "campaign.toml: reference.mixture is missing (p_ref as a sum of processes, for example "
         "mixture = { S = 1, SBI = 1, B = 1 })"},
        {"hidden = [8, 4]", "hidden = []",
         "campaign.toml:36:10: network.hidden = [] (must name the width of 1 to 64 layers)"},
        {"hidden = [8, 4]", "hidden = [8, -4]",
         "campaign.toml:36:14: network.hidden[1] = -4 (must be a whole number from 1 to 65536)"},
        {"hidden = [8, 4]", "kind = \"convolution\"",
         "campaign.toml:36:8: network.kind = \"convolution\" (must be one of mlp, residual_mlp, "
         "deep_sets, lorentz, graph, transformer, pelican)"},
        {"hidden = [8, 4]", "kind = \"residual_mpl\"",
         "campaign.toml:36:8: network.kind = \"residual_mpl\" (must be one of mlp, residual_mlp, "
         "deep_sets, lorentz, graph, transformer, pelican; "
         "did you mean 'residual_mlp'?)"},
        {"hidden = [8, 4]", "activation = \"silo\"",
         "campaign.toml:36:14: network.activation = \"silo\" (must be one of relu, silu, tanh, "
         "gelu; did you mean 'silu'?)"},
        {"batch = 100", "precision = \"bf16\"\ncalibration = \"isotonic\"", "no error"},
        {"batch = 100", "precision = \"fp16\"",
         "campaign.toml:40:13: training.precision = \"fp16\" (must be one of fp32, tf32, "
         "bf16)"},
        {"batch = 100", "schedule_factor = 0.5",
         "campaign.toml:40:19: training.schedule_factor = 0.5 (only schedule = \"step\" or "
         "\"plateau\" uses it)"},
        {"batch = 100", "schedule = \"step\"\nschedule_factor = 1",
         "campaign.toml:41:19: training.schedule_factor = 1 (must be a number > 0 and <= 0.999)"},
        {"batch = 100", "schedule = \"plateau\"\npatience = 10",
         "campaign.toml:40:12: training.schedule = \"plateau\" (the training would stop after "
         "patience = 10 epochs without a better loss, before the learning rate falls after "
         "schedule_epochs = 10: raise patience or lower schedule_epochs)"},
        {"batch = 100", "schedule = \"plateau\"\npatience = 11", "no error"},
        {"batch = 100", "schedule = \"one_cycle\"\nwarmup_epochs = 2",
         "campaign.toml:41:17: training.warmup_epochs = 2 (schedule = \"one_cycle\" has a warm-up "
         "of its own)"},
        {"batch = 100", "average_decay = 0.9",
         "campaign.toml:40:17: training.average_decay = 0.9 (only average = \"ema\" uses it)"},
        {"batch = 100", "average = \"ema\"\naverage_from = 0.5",
         "campaign.toml:41:16: training.average_from = 0.5 (only average = \"swa\" uses it)"},
        {"batch = 100", "average = \"ema\"\naverage_decay = 1",
         "campaign.toml:41:17: training.average_decay = 1 (must be a number > 0 and <= 0.999999)"},
        {"batch = 100", "average = \"swa\"\naverage_from = 1",
         "campaign.toml:41:16: training.average_from = 1 (must be a number from 0 to 0.99)"},
        {"batch = 100", "dropout = 1",
         "campaign.toml:40:11: training.dropout = 1 (must be a number from 0 to 0.9)"},
        {"batch = 100", "engine = \"written\"\ndropout = 0.1",
         "campaign.toml:40:10: training.engine = \"written\" (training.engine = \"written\": there "
         "is no written-out step for training.dropout (use \"auto\" or \"autograd\"))"},
        {"hidden = [8, 4]", "kind = \"lorentz\"\nlayer_norm = true",
         "campaign.toml:37:14: network.layer_norm = true (only kinds that read no particle lists "
         "have it as an option)"},
        {"batch = 100", "warmup_epochs = 10.5",
         "campaign.toml:40:17: training.warmup_epochs = 10.5 (must be at most epochs = 10, or the "
         "learning rate never reaches its full value)"},
        {"batch = 100", "negative_weights = \"refused\"",
         "campaign.toml:40:20: training.negative_weights = \"refused\" (must be one of allow, "
         "refuse; did you mean 'refuse'?)"},
        {"batch = 100", "pack = 1001",
         "campaign.toml:40:8: training.pack = 1001 (must be a whole number from 0 to 1000)"},
        {"batch = 100", "weight_decay = 0.1",
         "campaign.toml:40:16: training.weight_decay = 0.1 (only optimizer = \"adamw\" decays "
         "weights)"},
        {"batch = 100", "learning_rate = 0",
         "campaign.toml:40:17: training.learning_rate = 0 (must be a number > 0 and <= 10)"},
        {"members = 3", "max_members = 30",
         "campaign.toml:43:15: ensemble.max_members = 30 (only until_spread trains more than "
         "'members')"},
        {"members = 3", "members = 3\nuntil_spread = 0.01\nmax_members = 2",
         "campaign.toml:45:15: ensemble.max_members = 2 (must be a whole number from 3 to 1000)"},
        {"members = 3", "until_spread = 0",
         "campaign.toml:43:16: ensemble.until_spread = 0 (must be a number > 0 and <= 1000)"},
        {"members = 3", "keep_members = 1",
         "campaign.toml:43:16: ensemble.keep_members = 1 (must be true or false)"},
        {"members = 3", "members = 3\n[finite_mc]\nmethod = \"replicas\"",
         "campaign.toml:45:10: finite_mc.method = \"replicas\" (needs their spread: set "
         "ensemble.replicas to 2 or more, for example 20)"},
        {"members = 3", "members = 1\n[finite_mc]\nmethod = \"wifi\"",
         "campaign.toml:45:10: finite_mc.method = \"wifi\" (gives weights to members: set "
         "ensemble.members to 2 or more)"},
        {"members = 3", "keep_members = false\n[finite_mc]\nmethod = \"wifi\"",
         "campaign.toml:43:16: ensemble.keep_members = false (finite_mc.method = \"wifi\" needs "
         "them)"},
        {"members = 3", "[finite_mc]\nuse = \"inflation\"",
         "campaign.toml:44:7: finite_mc.use = \"inflation\" (method says where the uncertainty "
         "comes from; set it, too)"},
        {"members = 3", "[gates]\nexces = 0.1",
         "campaign.toml:44:1: gates.exces = 0.1 (unknown key; did you mean 'excess'?)"},
        {"members = 3", "[gates]\nsaturated = 2",
         "campaign.toml:44:13: gates.saturated = 2 (must be a number from 0 to 1; 0 turns the gate "
         "off)"},
        {"members = 3", "[systematics]\nmembers = 0",
         "campaign.toml:44:11: systematics.members = 0 (must be a whole number from 1 to 500)"},
        {"{ mu = 1.0, source", "{ mn = 1.0, source",
         "campaign.toml:46:17: data.asimov.mn = 1.0 (no such parameter; did you mean 'mu'?)"},
        {"source = \"samples\"", "source = \"sample\"",
         "campaign.toml:46:31: data.asimov.source = \"sample\" (must be one of samples, reference; "
         "did you mean 'samples'?)"},
        {"asimov = { mu = 1.0, source = \"samples\" }", "sample = \"S\"",
         "campaign.toml:46:10: data.sample = \"S\" (process 'S' is trained on this sample; data "
         "must be other events)"},
        {"poi = \"mu\"", "poi = \"my\"",
         "campaign.toml:49:7: inference.poi = \"my\" (no such parameter; did you mean 'mu'?)"},
        {"poi = \"mu\"", "scan = [0, 11]",
         "campaign.toml:49:12: inference.scan[1] = 11 (must be a number from 0 to 10)"},
        {"[parameters.mu]", "[parameters.nu]\nrange = [0, 2]\nfixed = true\n[parameters.mu]",
         "no error"},
        {"[split]", "[split",
         "campaign.toml:10:7: not valid TOML: Error while parsing table header: "},
    }));

    const std::string message = message_of(replaced(example_toml, mistake.from, mistake.to));

    CHECK_THAT(message, Catch::Matchers::StartsWith(mistake.message));
}

TEST_CASE("a value that cannot be read is one mistake, and none follows from it", "[campaign]") {
    const std::string toml = example_toml + R"toml(
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[region]]
name = "SR"
type = "unbinned"
where = { mass = [0.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "mass"
edges = [-inf, -1.0, 0.0]
[simulate]
model = "interference"
interference = 1.0
S = { yield = 100.0, mean = [1.5, 0.0], covariance = [[1.0, 0.0], [0.0, 1.0]] }
B = { yield = 900.0, mean = [0.0, 0.0], covariance = [[1.0, 0.0], [0.0, 1.0]] }
)toml";
    REQUIRE(message_of(toml) == "no error");
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"train = 0.5", "train = 7"},
             {"features = [\"mass\", \"pt\"]", "features = 1"},
             {"file = \"events.h5\"", "file = 1"},
             {"name = \"B\"", "name = 1"},
             {"B = { up = \"B_up\", down = \"B_down\" }", "B = 1.1"},
             {"{ mass = [0.0, inf] }", "1"},
             {"edges = [-inf, -1.0, 0.0]", "edges = 1"},
             {"S = { yield", "S = 1 # { yield"}}) {
        const std::string message = message_of(replaced(toml, from, to));

        CAPTURE(message);
        CHECK(message != "no error");
        CHECK(message.find("mistakes in") == std::string::npos);
    }
}

TEST_CASE("an ensemble of all folds has at most as many nets as a file", "[campaign]") {
    const std::string folded = replaced(example_toml, "inference = 0.4", "folds = 5");

    CHECK(message_of(replaced(folded, "members = 3", "members = 200")) == "no error");
    CHECK(message_of(replaced(folded, "members = 3", "members = 201")) ==
          "campaign.toml:43:11: ensemble.members = 201 (times split.folds = 5 are more than the "
          "1000 nets of an ensemble)");
}

TEST_CASE("a process may have slashes and blanks in its name, and then names its sample",
          "[campaign]") {
    const auto called = [](const std::string& name, const std::string& more) {
        const std::string toml =
            replaced(example_toml, "name = \"SBI\"", "name = \"" + name + "\"" + more);
        return replaced(toml, "SBI = 2", "\"" + name + "\" = 2");
    };
    const std::string sample = "\nsample = \"SBI\"";

    for (const char* name : {"a/member", "S/fold 1", "toys", "gof", "search", "a//b/", "x y"}) {
        const Campaign campaign = parse_campaign(called(name, sample), "/campaigns");
        CHECK(campaign.processes[1].name == name);
        CHECK(parse_campaign(campaign_toml(campaign), "/campaigns") == campaign);
    }
    CHECK(message_of(called("a/member", ""))
              .find("sample is missing (which no group of an events file can be called") !=
          std::string::npos);
    for (const char* name : {"/a", " a", "a ", "a%2Fb", "a:b", "a\\tb"}) {
        CHECK(message_of(called(name, sample)).find("letters, digits, blanks and _ . + - / only") !=
              std::string::npos);
    }
}

TEST_CASE("mistakes of the simulation name their key", "[campaign]") {
    const auto mistake = GENERATE(values<Mistake>({
        {"model = \"interference\"", "model = \"toy\"",
         "simulate.model = \"toy\" (must be interference"},
        {"interference = -0.6", "interference = -1.6",
         "simulate.interference = -1.6 (must be a number from -1 to 1)"},
        {"mean = [1.5]", "mean = [1.5, 2]",
         "simulate.S.mean = [1.5, 2] (must be 1 numbers: one for each of events.features)"},
        {"covariance = [[2.25]]", "covariance = [[-2.25]]",
         "simulate (background: covariance is not symmetric and positive definite)"},
        {"covariance = [[2.25]]", "covariance = [2.25]",
         "simulate.B.covariance = [2.25] (must be 1 rows of 1 numbers: one for each of "
         "events.features)"},
        {"yield = 900.0", "",
         "simulate.B.yield is missing (expected events, for example yield = 100.0)"},
        {"name = \"B\"", "name = \"B\"\nsample = \"bkg\"",
         "simulate (writes the samples S, B and SBI, but process 'B' reads sample 'bkg')"},
    }));

    const std::string message = message_of(
        replaced(starter_campaign("toy", Starter::interference), mistake.from, mistake.to));

    INFO(message);
    CHECK(message.find(mistake.message) != std::string::npos);
}

TEST_CASE("a file with mistakes still gives what could be read of it", "[campaign]") {
    const CampaignDraft draft =
        draft_campaign(replaced(example_toml, "epochs = 10", "epochs = 0"), "/campaigns");

    CHECK(draft.mistakes.size() == 1);
    CHECK(draft.campaign.events_path() == "/campaigns/events.h5");
    CHECK(draft.campaign.processes.size() == 3);
}

TEST_CASE("two systematics of one name are told as such, with all other mistakes", "[campaign]") {
    const std::string twice = R"toml(
[[systematic]]
name = "scale"
yield = { S = 1.1 }
[[systematic]]
name = "scale"
yield = { B = 1.1 }
[[systematic]]
name = "other"
parameter = "alpha_scale"
yield = { B = 1.1 }
)toml";

    const std::string text =
        message_of(replaced(example_toml, "epochs = 10", "epochs = 0") + twice);

    INFO(text);
    CHECK(text.find("another systematic has this name") != std::string::npos);
    CHECK(text.find("training.epochs = 0") != std::string::npos);
    CHECK(text.find("has the same parameter") != std::string::npos);
    // The key that the mistake is about need not be there.
    const std::string shared =
        replaced(twice, "name = \"scale\"\nyield = { B = 1.1 }",
                 "name = \"late\"\nparameter = \"alpha_scale\"\nyield = { B = 1.1 }");
    CHECK(message_of(example_toml + shared).find("alpha_scale") != std::string::npos);
}

TEST_CASE("a start outside a range that is not given is told before it is used", "[campaign]") {
    const std::string text = message_of(example_toml + R"toml(
[[systematic]]
name = "scale"
start = 7.0
yield = { S = 1.1 }
)toml");

    INFO(text);
    CHECK(text.find("start = 7.0 (outside the default range [-5.0, 5.0]; give it a 'range')") !=
          std::string::npos);
}

TEST_CASE("keys and coefficients that nest without end are refused", "[campaign]") {
    std::string dotted = "a";
    for (int k = 0; k < 50'000; ++k) dotted += ".a";
    const auto coefficient = [](const std::string& text) {
        return message_of(replaced(example_toml, "mu - sqrt(mu)", text));
    };
    const auto says = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };

    CHECK(
        says(message_of(dotted + " = 1\n" + example_toml), "campaign.toml:1: a key of more than"));
    CHECK(says(message_of(example_toml + "[" + dotted + "]\n"), "a key of more than"));
    CHECK(says(coefficient(std::string(200'000, '(')), "nested deeper than 100"));
    CHECK(says(coefficient(std::string(200'000, '-')), "nested deeper than 100"));
    CHECK(says(coefficient("(((mu+1)^20+mu)^20+1)^20"), "more than 1000 terms"));
    CHECK(message_of("# " + std::string(500, '.') + "\n" + example_toml) == "no error");
}

TEST_CASE("a kind of network has its own keys, and others are mistakes", "[campaign]") {
    const auto with = [](const std::string& keys) {
        return replaced(example_toml, "hidden = [8, 4]", keys);
    };
    const auto says = [&](const std::string& keys, const std::string& part) {
        const std::string text = message_of(with(keys));
        INFO(text);
        return text.find(part) != std::string::npos;
    };

    CHECK(says("width = 8", "network.kind = \"mlp\" does not read particle lists"));
    CHECK(says("kind = \"deep_sets\"", "needs columns of particles"));
    CHECK(says("kind = \"deep_sets\"\nparticles = [\"a\", \"a\"]", "'a' is listed twice"));
    CHECK(says("kind = \"deep_sets\"\nparticles = [\"a\"]\nbeams = true", "not look at momenta"));
    CHECK(says("kind = \"lorentz\"\nheads = 2", "has no attention"));
    CHECK(says("kind = \"lorentz\"\nmax_particles = 129", "a whole number from 1 to 128"));
    CHECK(says("kind = \"lorentz\"\nneighbours = 3", "looks at all particles"));
    CHECK(says("kind = \"pelican\"\nparticles = [\"a\"]", "nothing but pair products"));
    CHECK(
        says("kind = \"transformer\"\nparticles = [\"a\"]\nwidth = 30", "must divide width = 30"));
    CHECK(message_of(with("kind = \"lorentz\"")) == "no error");

    const Campaign campaign = parse_campaign(
        with("kind = \"graph\"\nparticles = [\"eta\"]\nwidth = 12\nneighbours = 3"), ".");
    CHECK(campaign.network.hidden == std::vector<std::uint32_t>{12});
    CHECK(parse_campaign(campaign_toml(campaign), ".").network == campaign.network);
    for (const SampleToRead& sample : samples_to_read(campaign)) CHECK(sample.particles);
    for (const SampleToRead& sample : samples_to_read(parse_campaign(example_toml, "."))) {
        CHECK_FALSE(sample.particles);
    }
}
