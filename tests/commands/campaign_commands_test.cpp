// init, simulate, check and plan as a user meets them.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "run_program.hpp"

using ratiofarm::test::Ended;
using ratiofarm::test::run_ratiofarm;
using ratiofarm::test::TemporaryDirectory;
using ratiofarm::test::text_of;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void replace_in(const std::filesystem::path& path, const std::string& from, const std::string& to) {
    std::string text = text_of(path);
    text.replace(text.find(from), from.size(), to);  // throws if it is not there
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a newcomer gets from init over plan and simulate to a valid campaign", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };

    REQUIRE(run("init first.toml --template interference").code == 0);
    replace_in(folder / "first.toml", "events = 100000", "events = 1000");
    const Ended before = run("plan first.toml --json");
    const Ended without_events = run("check first.toml");
    const Ended simulated = run("simulate first.toml --json");
    const Ended checked = run("check first.toml --json");
    const Ended after = run("plan first.toml --json");

    const auto planned = nlohmann::json::parse(before.output);
    CHECK(planned["campaign"] == "first");
    CHECK(planned["events_exist"] == false);
    CHECK(planned["trainings"] == 12);
    CHECK(without_events.code == 2);
    CHECK(contains(without_events.errors, "write it with 'ratiofarm simulate first.toml'"));
    CHECK(nlohmann::json::parse(simulated.output)["interference_yield"].get<double>() ==
          Approx(-290.9076184901).epsilon(1e-12));
    const auto samples = nlohmann::json::parse(checked.output)["samples"];
    REQUIRE(samples.size() == 3);
    CHECK(samples[1]["name"] == "SBI");
    CHECK(samples[1]["sum_of_weights"].get<double>() == Approx(709.0923815100).epsilon(1e-9));
    const auto planned_again = nlohmann::json::parse(after.output);
    CHECK(planned_again["events_exist"] == true);
    CHECK(planned_again["training_flop"].get<double>() ==
          Approx(planned["training_flop"].get<double>()).epsilon(0.1));
}

TEST_CASE("check tells mistakes of the file, its events and its trainings together", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("init toy.toml --template signal-background").code == 0);
    replace_in(folder / "toy.toml", "events = 100000", "events = 1000");
    REQUIRE(run("simulate toy.toml").code == 0);
    replace_in(folder / "toy.toml", "batch = 1024", "batch = 4096");
    replace_in(folder / "toy.toml", "learning_rate = 1e-3", "learnin_rate = 1e-3");
    replace_in(folder / "toy.toml", "[data]", "[data]\nblind = true\nsample = \"dta\"");

    const Ended checked = run("check toy.toml");

    CHECK(checked.code == 2);
    CHECK(contains(checked.errors, "training.learnin_rate"));
    CHECK(contains(checked.errors, "data.sample = \"dta\": "));
    CHECK(contains(checked.errors, "toy.toml:"));
    CHECK(contains(checked.errors, "ensemble 'S': training.batch = 4096 is larger than its 1"));
}

TEST_CASE("a plan counts folds, replicas, shapes and packs", "[commands]") {
    const TemporaryDirectory folder;
    REQUIRE(run_ratiofarm(folder.path(), "init c.toml --template interference").code == 0);
    replace_in(folder / "c.toml", "inference = 0.4", "folds = 2");
    replace_in(folder / "c.toml", "members = 4", "members = 4\nreplicas = 6");
    replace_in(folder / "c.toml", "[simulate]\n", R"toml([[systematic]]
name = "scale"
shape = { S = { up = "S_scale_up", down = "S_scale_down" } }

[simulate]
)toml");
    std::ofstream(folder / "c.toml", std::ios::app) << R"toml(
[[simulate.systematic]]
name = "scale"
S = { shift = [0.2] }
)toml";

    const Ended cpu = run_ratiofarm(folder.path(), "plan c.toml --json");
    const Ended gpu = run_ratiofarm(folder.path(), "plan c.toml --json --device cuda");
    const Ended text = run_ratiofarm(folder.path(), "plan c.toml");
    const Ended wrong = run_ratiofarm(folder.path(), "plan c.toml --device gpu");

    INFO(cpu.errors);
    const auto on_cpu = nlohmann::json::parse(cpu.output);
    const auto on_gpu = nlohmann::json::parse(gpu.output);
    // Of each fold: 4 members and 6 replicas of 3 processes, one net of each side and half.
    CHECK(on_cpu["nets"] == 2 * (3 * (4 + 6) + 4));
    CHECK(on_cpu["trainings"] == 68);
    CHECK(on_cpu["pack"] == 1);
    CHECK(on_cpu["engine"] == "written");
    CHECK(on_gpu["nets"] == 68);
    CHECK(on_gpu["trainings"] == 2 * (3 * 2 + 4));  // an ensemble of a fold is one pack, a half
    CHECK(on_gpu["pack"] == 6);
    CHECK(on_gpu["training_flop"] == on_cpu["training_flop"]);
    CHECK(contains(text.output,
                   "nets        68 of 8,513 parameters: 3 processes x 2 folds x 4 members, "
                   "3 processes x 2 folds x 6 replicas, 1 shape up and down x 2 folds x 1 member "
                   "x 2 halves"));
    CHECK(contains(text.output, "68 tasks of one net, engine written, fp32 on cpu"));
    CHECK(wrong.code == 2);
    CHECK(contains(wrong.errors, "--device = 'gpu': must be cpu or cuda"));
}

TEST_CASE("check tells the mistakes of the campaign and of its events at once", "[commands]") {
    const TemporaryDirectory folder;
    REQUIRE(run_ratiofarm(folder.path(), "init c.toml --template interference").code == 0);
    replace_in(folder / "c.toml", "events = 100000", "events = 100");
    REQUIRE(run_ratiofarm(folder.path(), "simulate c.toml").code == 0);
    replace_in(folder / "c.toml", "batch = 1024", "batsch = 1024");
    replace_in(folder / "c.toml", "epochs = 30", "epochs = 30.5");
    std::string text = text_of(folder / "c.toml");
    text.resize(text.find("[simulate]"));
    std::ofstream(folder / "c.toml") << text;
    replace_in(folder / "c.toml", "[\"x\"]", "[\"x\", \"pt\"]");
    replace_in(folder / "c.toml", "name = \"B\"", "name = \"B\"\nsample = \"bkg\"");

    const Ended checked = run_ratiofarm(folder.path(), "check c.toml");

    INFO(checked.errors);
    CHECK(checked.code == 2);
    CHECK(contains(checked.errors, "training.batsch = 1024 (unknown key; did you mean 'batch'?)"));
    CHECK(contains(checked.errors, "training.epochs = 30.5 (must be a whole number"));
    CHECK(contains(checked.errors, "/S/features: has no column 'pt'"));
    CHECK(contains(checked.errors, "bkg"));
    CHECK(contains(checked.errors, "mistakes in c.toml:"));
}

TEST_CASE("nothing is overwritten without --force", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("init").code == 0);
    replace_in(folder / "campaign.toml", "events = 100000", "events = 100");
    REQUIRE(run("simulate").code == 0);
    const std::string campaign = text_of(folder / "campaign.toml");

    CHECK(run("init").code == 2);
    CHECK(run("simulate").code == 2);
    CHECK(text_of(folder / "campaign.toml") == campaign);
    CHECK(run("simulate --force").code == 0);
    CHECK(run("init --force --name other").code == 0);
    CHECK(contains(text_of(folder / "campaign.toml"), "name = \"other\""));
    CHECK(run("init --force --quiet").output.empty());
    replace_in(folder / "campaign.toml", "events = 100000", "events = 100");
    CHECK(run("simulate --force --quiet").output.empty());
    CHECK_FALSE(run("simulate --force --quiet --json").output.empty());
}

TEST_CASE("equal seeds simulate equal files", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("init").code == 0);
    replace_in(folder / "campaign.toml", "events = 100000", "events = 30000");

    const auto digest = [&] {
        REQUIRE(run("simulate --force").code == 0);
        return nlohmann::json::parse(run("check --json").output)["samples"][0]["digest"];
    };

    const auto first = digest();
    CHECK(digest() == first);
    replace_in(folder / "campaign.toml", "events = 30000", "seed = 2\nevents = 30000");
    CHECK(digest() != first);
}

TEST_CASE("the resolved campaign of --print-config is itself a valid campaign", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("init").code == 0);
    replace_in(folder / "campaign.toml", "events = 100000", "events = 100");
    REQUIRE(run("simulate").code == 0);

    const Ended printed = run("check --print-config");
    std::ofstream(folder / "resolved.toml") << printed.output;

    CHECK(run("check resolved.toml --print-config").output == printed.output);
}

TEST_CASE("a wrong command line is refused with the nearest word", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };

    const Ended option = run("plan --gflop 3");
    const Ended missing = run("plan absent.toml");

    CHECK(option.code == 2);
    CHECK(contains(option.errors, "did you mean '--gflops'?"));
    CHECK(missing.code == 2);
    CHECK(contains(missing.errors, "absent.toml"));
}

TEST_CASE("init makes a campaign of the samples of an events file", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("init toy.toml --template systematics").code == 0);
    replace_in(folder / "toy.toml", "events = 100000", "events = 3000");
    REQUIRE(run("simulate toy.toml").code == 0);

    const Ended made = run("init mine.toml --events events.h5");
    const Ended again = run("init mine.toml --events events.h5");
    const Ended both = run("init x.toml --events events.h5 --template binned");
    const Ended typo = run("init x.toml --template bined");
    const Ended absent = run("init x.toml --events nothing.h5");

    INFO(made.errors);
    CHECK(made.code == 0);
    CHECK(contains(text_of(folder / "mine.toml"), R"(features = ["mass", "pt"])"));
    CHECK(
        contains(text_of(folder / "mine.toml"), R"(S = { up = "S_jes_up", down = "S_jes_down" })"));
    const Ended checked = run("check mine.toml");
    INFO(checked.errors);
    CHECK(checked.code == 0);
    CHECK(again.code == 2);
    CHECK(contains(both.errors, "leave out --template"));
    CHECK(contains(typo.errors, "did you mean 'binned'?"));
    CHECK(absent.code == 2);
    CHECK_FALSE(std::filesystem::exists(folder / "x.toml"));
}

TEST_CASE("help and version are texts for eighty columns", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };

    CHECK(contains(run("help scan").output, "usage: ratiofarm scan [CAMPAIGN.toml] [options]"));
    CHECK(contains(run("rnu").errors, "did you mean 'run'?"));
    CHECK(contains(run("help trian").errors, "did you mean 'train'?"));
    CHECK(contains(run("fit --outt x").errors, "did you mean '--out'?"));
    CHECK(contains(run("help --bash").output, "complete -o filenames -F _ratiofarm ratiofarm"));
    CHECK(contains(run("help --man").output, ".SS ratiofarm limits [CAMPAIGN.toml] [options]"));
    const std::string version = run("--version").output;
    for (const char* part : {"ratiofarm 0.", "compiler ", "MPI      ", "HDF5     1.", "LibTorch"}) {
        CHECK(contains(version, part));
    }
}
