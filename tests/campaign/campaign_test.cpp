#include "campaign/campaign.hpp"

#include <filesystem>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "campaign/file/starter_campaign.hpp"
#include "campaign/study_section.hpp"
#include "core/publish.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_toml;
using test::replaced;

TEST_CASE("a campaign file becomes the values it names", "[campaign]") {
    const Campaign campaign = example_campaign();

    CHECK(campaign.name == "interference");
    CHECK(campaign.seed == 20261121);
    CHECK(campaign.events_path() == "/campaigns/events.h5");
    CHECK(campaign.events.features == std::vector<std::string>{"mass", "pt"});
    CHECK(campaign.split == Split{0.5, 0.1, 0.4});
    CHECK(campaign.parameters == std::vector<Parameter>{{.name = "mu"}});
    REQUIRE(campaign.processes.size() == 3);
    CHECK(campaign.processes[0].yield == 100.0);
    CHECK(campaign.processes[1].yield == std::nullopt);
    CHECK(campaign.processes[1].sample == "SBI");
    CHECK(campaign.processes[1].coefficient.has_root_of("mu"));
    CHECK(campaign.network.inputs == 2);
    CHECK(campaign.network.hidden == std::vector<std::uint32_t>{8, 4});
    CHECK(campaign.training.epochs == 10);
    CHECK(campaign.training.optimizer == Optimizer::nadam);
    CHECK(campaign.ensemble.members == 3);
    CHECK(campaign.data.asimov == std::vector<std::pair<std::string, double>>{{"mu", 1.0}});
}

TEST_CASE("the shares of the reference are normalised", "[campaign]") {
    const Campaign campaign = example_campaign();

    const std::vector<std::pair<std::string, double>> expected{
        {"S", 0.25}, {"SBI", 0.5}, {"B", 0.25}};
    CHECK(campaign.reference.mixture == expected);
}

TEST_CASE("absent sections take their defaults", "[campaign]") {
    const Campaign campaign = parse_campaign(R"toml(
campaign.name = "small"
events = { file = "e.h5", features = ["x"] }
parameters.mu.range = [0, 5]
process = [{ name = "S", coefficient = "mu" }, { name = "B" }]
reference.mixture.B = 1
)toml",
                                             ".");

    CHECK(campaign.split == Split{});
    CHECK(campaign.training == TrainingOptions{});
    CHECK(campaign.ensemble == EnsembleSection{});
    CHECK(campaign.inference.poi == "mu");
    CHECK(campaign.network.hidden == std::vector<std::uint32_t>{256, 256, 256, 256});
    CHECK(campaign.processes[1].coefficient == Coefficient::parse("1", {}));
    CHECK(campaign.data.source == AsimovSource::samples);
}

TEST_CASE("the resolved text reads back to an equal campaign", "[campaign]") {
    const std::string everything = R"toml(
[campaign]
name = "all-keys_1.0+x"
seed = 9223372036854775807
[events]
file = "folder with \"quotes\"\\and\ttabs/events.h5"
features = ["x y", "Δφ", "z"]
[split]
train = 0.3
validation = 0.1
inference = 0.2
[parameters.kappa]
start = 0.1
range = [-5, 5]
[parameters.mu]
start = 2
range = [0, 1e3]
fixed = true
[[process]]
name = "S.1"
sample = "S"
coefficient = "(mu - sqrt(mu)) / (10 - sqrt(10)) * kappa^2"
yield = 0.1
[[process]]
name = "B+"
sample = "B"
coefficient = "1 - 0.3*sqrt(mu)"
[[systematic]]
name = "scale"
shape = { "S.1" = { up = "S_up", down = "S_down" } }
[[systematic]]
name = "theory"
shape = { "B+" = { up_weight = "muR_up", down_weight = "muR_down" } }
[reference]
mixture = { "B+" = 0.7, "S.1" = 0.1 }
[network]
kind = "residual_mlp"
hidden = [7]
activation = "gelu"
[training]
epochs = 7
batch = 77
learning_rate = 3e-5
optimizer = "adamw"
schedule = "plateau"
schedule_factor = 0.3
schedule_epochs = 4
warmup_epochs = 1.5
clip_norm = 10
weight_decay = 0.01
patience = 0
keep = "last"
scaling = "min_max"
negative_weights = "refuse"
calibration = "isotonic"
precision = "bf16"
engine = "autograd"
pack = 5
threads = 3
checkpoint_seconds = 0.5
[ensemble]
members = 17
replicas = 9
combine = "mean_ratio"
replacements = 5
until_spread = 0.02
max_members = 170
keep_members = true
[gates]
excess = 0.2
sc_rms = 0
closure = 0.3
slope = 0.4
overtraining = 0.5
saturated = 0.6
constant = 0.7
loss_outlier = 3
[systematics]
members = 3
warm_start = true
rate_factor = 0.1
halves = false
null_shapes = "keep"
null_level = 2.5
[data]
asimov = { kappa = 0.30000000000000004, source = "reference" }
[inference]
poi = "kappa"
shape_norm = "none"
scan = [-1, 0, 0.1]
[finite_mc]
method = "wifi"
use = "inflation"
[simulate]
model = "interference"
events = 5
seed = 3
interference = 1
[simulate.S]
yield = 1e2
mean = [1, 2, 3]
covariance = [[2, 0.1, 0], [0.1, 1, 0], [0, 0, 1]]
[simulate.B]
yield = 900
mean = [0, 0, 0]
covariance = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
)toml";
    const std::vector<std::string> texts{
        everything,
        example_toml,
        starter_campaign("first", Starter::interference),
        replaced(example_toml, "asimov = { mu = 1.0, source = \"samples\" }",
                 "sample = \"observed\""),
        replaced(example_toml, "{ S = 1, SBI = 2, B = 1 }", "{ S = 1, SBI = 0.7, B = 0.1 }"),
        replaced(example_toml, "inference = 0.4", "folds = 3")};
    for (const std::string& text : texts) {
        const Campaign campaign = parse_campaign(text, "/campaigns");

        const std::string resolved = campaign_toml(campaign);

        INFO(resolved);
        CHECK(parse_campaign(resolved, "/campaigns") == campaign);
        CHECK(campaign_toml(parse_campaign(resolved, "/campaigns")) == resolved);
    }
}

TEST_CASE("every option of the nets reaches its field", "[campaign]") {
    const std::string text = replaced(
        replaced(example_toml, "inference = 0.4", "folds = 4"), "members = 3",
        "members = 3\nreplicas = 6\nreplacements = 0\nuntil_spread = 0.5\nmax_members = 7\n"
        "keep_members = true\n[gates]\nslope = 0\n[systematics]\nwarm_start = true\nhalves = "
        "false\n"
        "null_shapes = \"keep\"\nnull_level = 2.5\n");
    const Campaign campaign = parse_campaign(
        replaced(text, "batch = 100",
                 "schedule = \"step\"\nschedule_factor = 0.25\nschedule_epochs = 3\n"
                 "warmup_epochs = 2\nclip_norm = 1\nkeep = \"last\"\nscaling = \"none\"\n"
                 "negative_weights = \"refuse\"\ncalibration = \"isotonic\"\n"
                 "precision = \"tf32\"\nengine = \"autograd\"\npack = 2"),
        "/campaigns");

    CHECK(campaign.split == Split{0.5, 0.1, 1.0, 4});
    TrainingOptions options;
    options.epochs = 10;
    options.schedule = Schedule::step;
    options.schedule_factor = 0.25;
    options.schedule_epochs = 3;
    options.warmup_epochs = 2;
    options.clip_norm = 1;
    options.keep = Keep::last;
    options.scaling = Scaling::none;
    options.negative_weights = NegativeWeights::refuse;
    options.calibration = CalibrationMethod::isotonic;
    options.precision = Precision::tf32;
    options.engine = Engine::autograd;
    options.pack = 2;
    CHECK(campaign.training == options);
    CHECK(campaign.ensemble == EnsembleSection{.members = 3,
                                               .replicas = 6,
                                               .replacements = 0,
                                               .until_spread = 0.5,
                                               .max_members = 7,
                                               .keep_members = true});
    GatesSection gates;
    gates.slope = 0.0;
    CHECK(campaign.gates == gates);
    const SystematicsSection systematics{.warm_start = true,
                                         .halves = false,
                                         .null_shapes = InsignificantShapes::keep,
                                         .null_level = 2.5};
    CHECK(campaign.systematic_nets == systematics);
}

TEST_CASE("weights of members need the members in the ratio file", "[campaign]") {
    const std::string with_method =
        replaced(example_toml, "members = 3", "members = 3\n[finite_mc]\nmethod = \"wifi\"\n");

    const Campaign campaign = parse_campaign(with_method, "/campaigns");

    CHECK(campaign.finite_mc == FiniteMcSection{.method = FiniteMcMethod::wifi});
    CHECK(campaign.ensemble.keep_members);
    CHECK(example_campaign().finite_mc.method == FiniteMcMethod::none);
    CHECK_FALSE(example_campaign().ensemble.keep_members);
}

TEST_CASE("the resolved text of every example reads back to an equal campaign", "[campaign]") {
    const std::filesystem::path examples = std::filesystem::path(RATIOFARM_SOURCE_DIR) / "examples";
    if (!std::filesystem::exists(examples)) return;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(examples)) {
        if (entry.path().extension() != ".toml") continue;
        if (entry.path().string().find(".run/") != std::string::npos) continue;
        INFO(entry.path());
        if (entry.path().filename() == "study.toml") {
            CHECK_FALSE(read_study(entry.path()).search.parameters.empty());
            continue;
        }

        const Campaign campaign = read_campaign(entry.path());

        CHECK(parse_campaign(campaign_toml(campaign), campaign.folder) == campaign);
    }
}

TEST_CASE("every starter campaign is valid and carries its name", "[campaign]") {
    const std::string word = GENERATE(from_range(words_of<Starter>()));
    const Starter starter = *enumerator_of<Starter>(word);

    const Campaign campaign = parse_campaign(starter_campaign("first_try", starter), ".");

    INFO(word);
    CHECK(campaign.name == "first_try");
    CHECK(campaign.simulate.has_value() == (starter != Starter::binned));
}

TEST_CASE("what happens to shapes is kept without events, too", "[campaign]") {
    const Campaign campaign = parse_campaign(
        "[campaign]\nname = \"x\"\n[parameters]\nmu = { range = [0.0, 5.0] }\n[[process]]\nname = "
        "\"S\"\n"
        "coefficient = \"mu\"\n[systematics]\nnull_shapes = \"keep\"\n",
        "/nowhere");

    CHECK(campaign.systematic_nets.null_shapes == InsignificantShapes::keep);
    CHECK(parse_campaign(campaign_toml(campaign), "/nowhere") == campaign);
}

TEST_CASE("a campaign of events finds signal, systematics and data by their names", "[campaign]") {
    std::vector<SampleInfo> samples;
    for (const char* name : {"B", "B_jes_down", "B_jes_up", "B_lone_up", "Signal", "Signal_down",
                             "Signal_up", "data"}) {
        SampleInfo sample;
        sample.name = name;
        sample.column_names = {"mass", "pt"};
        sample.sum_of_weights = 12.5;
        samples.push_back(sample);
    }

    const Campaign campaign =
        parse_campaign(campaign_of_events("mine", "my events.h5", samples), "/folder");

    CHECK(campaign.events.features == std::vector<std::string>{"mass", "pt"});
    CHECK(campaign.events_path() == "/folder/my events.h5");
    REQUIRE(campaign.processes.size() == 3);  // B_lone_up has no other side: a process
    CHECK(campaign.processes[0].coefficient.text() == "1");
    CHECK(campaign.processes[2].name == "Signal");
    CHECK(campaign.processes[2].coefficient.text() == "mu");
    REQUIRE(campaign.systematics.size() == 2);
    CHECK(campaign.systematics[0].name == "jes");
    CHECK(campaign.systematics[1].name == "variation");  // Signal_up names no other
    CHECK(campaign.data.sample == "data");
    CHECK(campaign.data.blind);
    CHECK_THROWS_WITH(campaign_of_events("mine", "e.h5", std::span(samples).first(3)),
                      Catch::Matchers::Contains("holds 1 sample that can be"));
}

TEST_CASE("a campaign of events knows sides by any of their usual names", "[campaign]") {
    for (const auto& [up, down] : {std::pair("_up", "_dn"), std::pair("_Up", "_Down"),
                                   std::pair("Up", "Down"), std::pair("_plus", "_minus")}) {
        std::vector<SampleInfo> samples;
        for (const std::string& name : {std::string("B"), "B_jes" + std::string(down),
                                        "B_jes" + std::string(up), std::string("S")}) {
            SampleInfo sample;
            sample.name = name;
            sample.column_names = {"mass"};
            sample.sum_of_weights = 12.5;
            samples.push_back(sample);
        }
        CAPTURE(up);

        const Campaign campaign =
            parse_campaign(campaign_of_events("mine", "e.h5", samples), "/folder");

        CHECK(campaign.processes.size() == 2);
        REQUIRE(campaign.systematics.size() == 1);
        CHECK(campaign.systematics[0].name == "jes");
        CHECK(campaign.systematics[0].shapes->front().down == "B_jes" + std::string(down));
    }
}

TEST_CASE("a campaign of events uses pairs of weights and names the others", "[campaign]") {
    std::vector<SampleInfo> samples(2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].name = i == 0 ? "S" : "B";
        samples[i].column_names = {"mass"};
        samples[i].sum_of_weights = 12.5;
    }
    for (const char* name : {"scale_up", "scale_down", "lone_up", "pdf7"}) {
        samples[1].weights.push_back({.name = name, .digest = {}, .sum = 12.0});
    }

    const std::string text = campaign_of_events("mine", "e.h5", samples);
    const Campaign campaign = parse_campaign(text, "/folder");

    REQUIRE(campaign.systematics.size() == 1);
    CHECK(campaign.systematics[0].name == "scale");
    REQUIRE(campaign.systematics[0].shapes->size() == 1);
    const auto& shape = campaign.systematics[0].shapes->front();
    CHECK(shape.process == "B");
    CHECK(shape.up == "scale_up");
    CHECK(shape.down == "scale_down");
    CHECK(shape.source == SystematicSection::Source::weights);
    CHECK_THAT(text,
               Catch::Matchers::Contains("Not used") && Catch::Matchers::Contains("lone_up, pdf7"));
}

TEST_CASE("a campaign of events with particle lists has nets that read them", "[campaign]") {
    std::vector<SampleInfo> samples(2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].name = i == 0 ? "S" : "B";
        samples[i].column_names = {"met"};
        samples[i].sum_of_weights = 12.5;
        samples[i].columns.particles.names = {"E", "px", "py", "pz", "btag"};
    }
    const auto network = [&] {
        return parse_campaign(campaign_of_events("mine", "e.h5", samples), "/folder").network;
    };

    CHECK(network().kind == NetworkKind::deep_sets);
    CHECK(network().particles == std::vector<std::string>{"log_pt", "eta", "phi", "btag"});
    for (SampleInfo& sample : samples) sample.columns.particles.names = {"pt", "eta"};
    CHECK(network().particles == std::vector<std::string>{"pt", "eta"});
}

TEST_CASE("a campaign with absolute paths can be read from another folder", "[campaign]") {
    const Campaign campaign = example_campaign();

    const std::string text = campaign_toml(with_absolute_paths(campaign));

    CHECK(parse_campaign(text, "/elsewhere").events_path() == campaign.events_path());
}

TEST_CASE("a campaign is read from its file, relative to its folder", "[campaign]") {
    const test::TemporaryDirectory folder;
    publish(folder / "campaign.toml", example_toml);

    const Campaign campaign = read_campaign(folder / "campaign.toml");

    CHECK(campaign.events_path() == folder / "events.h5");
    CHECK_THROWS_AS(read_campaign(folder / "absent.toml"), DataError);
}
