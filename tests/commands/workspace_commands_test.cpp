// import and export as a user meets them.
#include <nlohmann/json.hpp>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "run_program.hpp"

using Catch::Matchers::Contains;
using nlohmann::json;
using ratiofarm::test::Ended;
using ratiofarm::test::run_ratiofarm;
using ratiofarm::test::TemporaryDirectory;
using ratiofarm::test::text_of;

namespace {

const std::string workspaces = RATIOFARM_SOURCE_DIR "/tests/fit/workspaces/";

}  // namespace

TEST_CASE("a workspace becomes a valid campaign and a workspace again", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };

    const Ended imported = run("import " + workspaces + "all_modifiers.json --out all.toml");
    const Ended checked = run("check all.toml");
    const Ended exported = run("export --format pyhf all.toml");
    const Ended again = run("import " + workspaces + "all_modifiers.json --out all.toml");

    INFO(imported.errors << checked.errors << exported.errors);
    CHECK(imported.code == 0);
    CHECK_THAT(imported.output, Contains("3 regions with 9 bins, 16 parameters") &&
                                    Contains("parameter of interest 'mu'"));
    CHECK(checked.code == 0);
    REQUIRE(exported.code == 0);
    const json before = json::parse(text_of(workspaces + "all_modifiers.json"));
    const json after = json::parse(exported.output);
    CHECK(after["observations"] == before["observations"]);
    CHECK(after["channels"][0]["samples"][1]["name"] == "background");
    CHECK(after["channels"][0]["samples"][0]["data"] ==
          before["channels"][0]["samples"][0]["data"]);
    CHECK(again.code == 2);
    CHECK_THAT(again.errors, Contains("'all.toml' exists already"));
}

TEST_CASE("a folder in place of a campaign is a run directory or refused", "[commands]") {
    const TemporaryDirectory folder;
    const auto run = [&](const std::string& words) { return run_ratiofarm(folder.path(), words); };
    REQUIRE(run("import " + workspaces + "normsys_2bin.json --out a.toml").code == 0);
    REQUIRE(run("fit a.toml --out a.run").code == 0);
    std::filesystem::create_directory(folder / "empty");

    const Ended status = run("status a.run");
    const Ended fit = run("fit a.run");
    const Ended two = run("fit a.run --out b.run");
    const Ended check = run("check a.run");
    const Ended empty = run("status empty");

    CHECK(status.code == 0);
    CHECK_THAT(status.output, Contains("result") && Contains("lock       free"));
    CHECK(fit.code == 2);
    CHECK_THAT(fit.errors, Contains("'a.run' has no copy of its campaign"));
    CHECK(two.code == 2);
    CHECK_THAT(two.errors, Contains("'a.run' is a run directory, and --out = 'b.run' another"));
    CHECK(check.code == 2);
    CHECK_THAT(check.errors, Contains("'a.run' is a folder: give the campaign file, and a run"));
    CHECK(empty.code == 2);
    CHECK_THAT(empty.errors, Contains("'empty' is a folder"));
}

TEST_CASE("a patch and another interpolation are asked for by options", "[commands]") {
    const TemporaryDirectory folder;
    std::ofstream(folder / "patch.json")
        << R"([{"op": "replace", "path": "/observations/0/data", "value": [125, 170]}])";
    const std::string from = "import " + workspaces + "normsys_2bin.json --out a.toml --force ";

    const Ended patched = run_ratiofarm(folder.path(), from + "--patch patch.json --normsys code1");
    const Ended wrong = run_ratiofarm(folder.path(), from + "--normsys code7");
    const Ended missing = run_ratiofarm(folder.path(), from + "--measurement other");

    INFO(patched.errors);
    REQUIRE(patched.code == 0);
    CHECK_THAT(text_of(folder / "a.toml"),
               Contains("observed = [125.0, 170.0]") && Contains("code = \"code1\""));
    CHECK(wrong.code == 2);
    CHECK_THAT(wrong.errors, Contains("must be code4 or code1"));
    CHECK(missing.code == 2);
    CHECK_THAT(missing.errors, Contains("no measurement 'other' (it has \"Measurement\")"));
}

TEST_CASE("a fit that does not converge is written, names the bin and ends with 3", "[commands]") {
    const TemporaryDirectory folder;
    std::ofstream(folder / "w.json")
        << R"({"version": "1.0.0", "channels": [{"name": "SR", "samples": [
        {"name": "s", "data": [10, 2], "modifiers": [{"name": "mu", "type": "normfactor", "data": null}]},
        {"name": "b", "data": [55, -3], "modifiers":
            [{"name": "xs", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]}]}],
        "observations": [{"name": "SR", "data": [66, 0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}]})";
    REQUIRE(run_ratiofarm(folder.path(), "import w.json --out w.toml").code == 0);

    const Ended fit = run_ratiofarm(folder.path(), "fit w.toml --out w.run");
    const Ended again = run_ratiofarm(folder.path(), "fit w.toml --out w.run --json");
    const Ended limits = run_ratiofarm(folder.path(), "limits w.toml --out w.run");

    INFO(fit.output << fit.errors << limits.errors);
    CHECK(fit.code == 3);
    CHECK_THAT(fit.output, Contains("NOT CONVERGED") && Contains("region 'SR', bin 1 expects"));
    CHECK(again.code == 3);
    CHECK_THAT(again.output, Contains("\"converged\": false"));
    CHECK(limits.code == 3);
    CHECK_THAT(limits.errors, Contains("the fit did not converge"));
}
