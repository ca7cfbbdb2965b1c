// Every mistake of a workspace is told, with channel, sample, modifier and JSON pointer; and what
// is read as a workspace, a patch or another format.
#include "pyhf/pyhf_schema.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/publish.hpp"
#include "pyhf/pyhf_file.hpp"
#include "pyhf/pyhf_import.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

json all_modifiers() {
    return json::parse(read_text(RATIOFARM_SOURCE_DIR "/tests/fit/workspaces/all_modifiers.json"));
}

std::string error_of(const json& workspace) {
    try {
        expect_workspace(
            workspace, workspace.is_object() && workspace.contains("measurements") ? "counts" : "");
    } catch (const DataError& error) {
        return error.what();
    }
    return "accepted";
}

/// A workspace of two channels that all rules allow.
json small() {
    return json::parse(R"({"channels": [
        {"name": "SR", "samples": [
            {"name": "s", "data": [5.0, 4.0], "modifiers": [
                {"name": "mu", "type": "normfactor", "data": null},
                {"name": "lumi", "type": "lumi", "data": null}]},
            {"name": "b", "data": [50.0, 40.0], "modifiers": [
                {"name": "xs", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                {"name": "xs", "type": "histosys",
                 "data": {"hi_data": [51.0, 41.0], "lo_data": [49.0, 39.0]}},
                {"name": "st", "type": "staterror", "data": [5.0, 4.0]},
                {"name": "dd", "type": "shapesys", "data": [1.0, 2.0]}]}]},
        {"name": "CR", "samples": [
            {"name": "b", "data": [30.0], "modifiers": [
                {"name": "st", "type": "staterror", "data": [3.0]}]}]}],
        "observations": [{"name": "SR", "data": [58, 41]}, {"name": "CR", "data": [28]}],
        "measurements": [{"name": "counts", "config": {"poi": "mu", "parameters": [
            {"name": "lumi", "inits": [1.0], "bounds": [[0.5, 1.5]], "auxdata": [1.0],
             "sigmas": [0.02]},
            {"name": "st", "inits": [1.0, 1.1, 0.9]},
            {"name": "dd", "auxdata": [900.0, 400.0]}]}}],
        "version": "1.0.0"})");
}

struct Mistake {
    std::string pointer;  ///< what is changed
    json value;           ///< to this; discarded: removed
    std::string text;     ///< in the message
    std::string place;    ///< JSON pointer in the message; the changed one if empty
};

const json removed(json::value_t::discarded);

json changed(const Mistake& mistake) {
    json workspace = small();
    const json::json_pointer pointer(mistake.pointer);
    if (mistake.value.is_discarded()) {
        json& parent = workspace[pointer.parent_pointer()];
        if (parent.is_array()) {
            parent.erase(std::stoul(pointer.back()));
        } else {
            parent.erase(pointer.back());
        }
    } else {
        workspace[pointer] = mistake.value;
    }
    return workspace;
}

const std::string s = "/channels/0/samples/0";
const std::string b = "/channels/0/samples/1";
const std::string config = "/measurements/0/config";
const std::string parameters = config + "/parameters";

const std::vector<Mistake> mistakes{
    // keys, version and types
    {"/version", "2.0.0", "must be \"1.0.0\"", ""},
    {"/version", removed, "'version' is missing", "-"},
    {"/extra", 1, "unknown key 'extra'", "-"},
    {"/channels", json::array(), "at least one channel", ""},
    {"/channels/0/sample", 1, "unknown key 'sample'", "/channels/0"},
    {"/channels/0/samples", removed, "'samples' is missing", "/channels/0"},
    {"/channels/0/name", 3, "'name' = 3 (must be a text", ""},
    {b + "/modifiers", removed, "channel 'SR', sample 'b': 'modifiers' is missing", b},
    {b + "/modifier", json::array(), "did you mean 'modifiers'", b},
    {b + "/modifiers", json::object(), "must be an array", ""},
    {b + "/modifiers/0", 7, "must be an object", ""},
    {b + "/modifiers/0/name", 7, "must be a text", ""},
    {b + "/modifiers/0/name", "", "not empty", ""},
    {b + "/modifiers/0/type", json::array(), "must be a text", ""},
    {b + "/modifiers/0/type", "normsyst", "did you mean 'normsys'", b + "/modifiers/0"},
    {b + "/modifiers/0/data/hight", 1.0, "unknown key 'hight'", b + "/modifiers/0/data"},
    {b + "/modifiers/0/data/hi", removed, "'hi' is missing", b + "/modifiers/0/data"},
    {s + "/modifiers/0/data", 1.0, "must be null", ""},
    {s + "/modifiers/1/name", "L", "must be 'lumi'", s + "/modifiers/1/data"},
    // numbers
    {s + "/data/1", "x", "channel 'SR', sample 's': \"x\" (must be a finite number)", ""},
    {s + "/data", {1.0}, "2 numbers for 1 bins", b + "/data"},
    {b + "/data", {1.0, 2.0, 3.0}, "3 numbers for 2 bins", ""},
    {b + "/modifiers/0/data/lo", 0.0, "normsys 'xs': 'lo' = 0.0 (must be > 0", ""},
    {b + "/modifiers/1/data/hi_data", {1.0}, "histosys 'xs': 1 numbers for 2 bins", ""},
    {b + "/modifiers/2/data/0", -1.0, "staterror 'st': -1.0 (must be a number >= 0)", ""},
    {b + "/modifiers/3/data", {1.0, 2.0, 3.0}, "3 numbers for 2 bins", ""},
    {"/observations/0/data/0", -1, "observation 'SR': -1 (must be a number >= 0)", ""},
    {"/observations/0/data", {1.0}, "observation 'SR': 1 numbers for 2 bins", ""},
    // what belongs together
    {"/observations/1/name", "CR_tt", "observation 'CR_tt': no channel has this name",
     "/observations/1"},
    {"/observations/1", removed, "channel 'CR' has no observation", "-"},
    {"/observations/1/name", "SR", "another observation has this name", "/observations/1"},
    {"/channels/1/name", "SR", "another channel has this name", "/channels/1"},
    {b + "/name", "s", "another sample has this name", b},
    {b + "/modifiers/1/type", "normsys", "the sample has it twice", "-"},
    {b + "/modifiers/3/name", "mu", "'mu' is a normfactor in channel 'SR', sample 's'",
     b + "/modifiers/3"},
    {s + "/modifiers/2",
     {{"name", "dd"}, {"type", "shapesys"}, {"data", {1.0, 1.0}}},
     "a shapesys belongs to one sample",
     b + "/modifiers/3"},
    {s + "/modifiers/2",
     {{"name", "st"}, {"type", "staterror"}, {"data", {1.0, 1.0}}},
     "carry it in different channels (SR; CR, SR)",
     "-"},
    {s + "/modifiers/0/name", "dd[1]", "what the parameter of bin 1 of shapesys 'dd' is called",
     s + "/modifiers/0"},
    // the measurement
    {config + "/poi", 3, "must be a text", ""},
    {config + "/parameters", removed, "'parameters' is missing", config},
    {config + "/poI", "mu", "unknown key 'poI'", config},
    {parameters + "/3", {{"name", "st"}}, "another parameter has this name", ""},
    {parameters + "/3",
     {{"name", "mu"}, {"bounds", {{10.0, 0.0}}}},
     "low < high",
     parameters + "/3/bounds/0"},
    {parameters + "/3", {{"name", "mu"}, {"bounds", {{2.0, 5.0}}}}, "starts at 1, outside", ""},
    {parameters + "/3", {{"name", "mu"}, {"inits", {12.0}}}, "give it 'bounds'", ""},
    {parameters + "/3",
     {{"name", "mu"}, {"sigmas", {1.0}}},
     "says nothing about a normfactor",
     parameters + "/3/sigmas"},
    {parameters + "/3", {{"name", "mu"}, {"fixed", 1}}, "true or false", parameters + "/3/fixed"},
    {parameters + "/1/inits", {1.0}, "'inits' has 1 entries (must be one for each of its 3", ""},
    {parameters + "/1/sigmas", {1.0, 0.0, 1.0}, "must be a number > 0", parameters + "/1/sigmas/1"},
    {parameters + "/2/auxdata", {0.0, 1.0}, "must be a number > 0", parameters + "/2/auxdata/0"},
    {parameters + "/0/auxdata", removed, "lumi modifier needs auxdata and sigmas",
     parameters + "/0"},
    {parameters + "/0", {{"name", "mu"}}, "parameter 'lumi' is missing", config}};

}  // namespace

TEST_CASE("workspaces without a mistake are taken", "[pyhf]") {
    CHECK(error_of(small()) == "accepted");
    CHECK(error_of(changed({parameters + "/0/name", "lumi", "", ""})) == "accepted");
    CHECK_NOTHROW(expect_workspace(all_modifiers(), all_modifiers()["measurements"][0]["name"]));

    // A signal that a patch adds, and a luminosity that nothing depends on.
    json background = small();
    background["channels"][0]["samples"].erase(0);
    background["measurements"][0]["config"]["parameters"].push_back({{"name", "mu"}});
    CHECK(error_of(background) == "accepted");
    CHECK(unused_pyhf_parameters(background, {}).empty());
}

TEST_CASE("entries of the measurement that nothing has are told, and ignored", "[pyhf]") {
    json pruned = small();
    pruned["measurements"][0]["config"]["parameters"].push_back(
        {{"name", "muu"}, {"inits", {2.0}}});

    CHECK(error_of(pruned) == "accepted");
    CHECK(campaign_from_pyhf(pruned, {}).parameters == campaign_from_pyhf(small(), {}).parameters);
    const auto lines = unused_pyhf_parameters(pruned, {});
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], Contains("configures 'muu', which no modifier is called; did you mean"));
}

TEST_CASE("each mistake is told with its place", "[pyhf]") {
    for (const Mistake& mistake : mistakes) {
        const std::string text = error_of(changed(mistake));

        INFO(mistake.pointer << " -> " << mistake.text);
        CHECK_THAT(text, Contains(mistake.text));
        const std::string& place = mistake.place.empty() ? mistake.pointer : mistake.place;
        if (place != "-") CHECK_THAT(text, Contains("(at " + place + ")"));
    }
}

TEST_CASE("all mistakes of a workspace are told at once", "[pyhf]") {
    json workspace = small();
    std::size_t n = 0;
    for (const char* pointer :
         {"/version", "/observations/0/data/0", "/channels/0/samples/0/data/1",
          "/channels/1/samples/0/modifiers/0/name"}) {
        workspace[json::json_pointer(pointer)] = json::array({"wrong"});
        ++n;
    }

    const std::string text = error_of(workspace);

    CHECK(static_cast<std::size_t>(std::ranges::count(text, '\n')) >= n);
    CHECK_THAT(text, Contains("'version'") && Contains("/observations/0/data/0") &&
                         Contains("/channels/0/samples/0/data/1") &&
                         Contains("/channels/1/samples/0/modifiers/0/name"));
}

TEST_CASE("no value anywhere in a workspace is more than a mistake", "[pyhf]") {
    const json good = small();
    const json flat = good.flatten();
    const std::vector<json> values{nullptr,
                                   true,
                                   -1,
                                   1e300,
                                   "text",
                                   json::array(),
                                   json::object(),
                                   json::array({json::array({1})}),
                                   {{"name", 3}}};
    for (const auto& [pointer, value] : flat.items()) {
        for (const json& other : values) {
            for (json::json_pointer at(pointer); !at.empty(); at.pop_back()) {
                json workspace = good;
                workspace[at] = other;
                error_of(workspace);  // throws nothing but DataError
            }
        }
    }
    SUCCEED();
}

TEST_CASE("other formats are named with what to do", "[pyhf]") {
    struct Other {
        std::string text;
        std::string says;
    };
    const std::vector<Other> others{
        {"<?xml version=\"1.0\"?>\n<!DOCTYPE Combination>", "pyhf xml2json"},
        {"# card\nimax 1\njmax 1\nkmax *\n", "datacard of Combine"},
        {R"({"distributions": [], "metadata": {"hs3_version": "0.2"}})", "HS3"},
        {" \n", "empty"},
        {"{\"a\": [1, 2}", "not valid JSON"},
        {R"({"a": {"b": 1, "b": 2}})", "key 'b' twice (at /a/b"},
        {std::string(100000, '['), "deeper than 64 levels"}};
    for (const Other& other : others) {
        INFO(other.text.substr(0, 40));
        CHECK_THROWS_WITH(parse_pyhf(other.text), Contains(other.says));
        CHECK_THROWS_AS(parse_pyhf(other.text), DataError);
    }
    CHECK_THAT(error_of(json::array()), Contains("this is a patch, not a workspace"));
    CHECK(parse_pyhf(R"({"a": {"b": 1}, "c": {"b": 1}})")["c"]["b"] == 1);
}

TEST_CASE("patches cannot blow a workspace up", "[pyhf]") {
    json copies = json::array();
    for (int k = 0; k < 40; ++k) {
        copies.push_back({{"op", "copy"}, {"from", ""}, {"path", "/x" + std::to_string(k)}});
    }
    json moves = json::array({{{"op", "add"}, {"path", "/a"}, {"value", 1}}});
    for (int k = 0; k < 200; ++k) {
        moves.push_back({{"op", "move"}, {"from", "/a"}, {"path", "/b"}});
        moves.push_back({{"op", "add"}, {"path", "/a"}, {"value", json::object()}});
        moves.push_back({{"op", "move"}, {"from", "/b"}, {"path", "/a/x"}});
    }

    CHECK_THROWS_WITH(patched(small(), copies, ""), Contains("more than"));
    CHECK_THROWS_WITH(patched(small(), moves, ""), Contains("deeper"));
    CHECK_THROWS_WITH(patched(small(), json(3), ""), Contains("must be an array"));
    CHECK_THROWS_WITH(patched(small(), {{"patches", {{{"metadata", 1}}}}}, "p"), Contains("lacks"));
    CHECK_THROWS_WITH(patched(small(), json::array({7}), ""), Contains("operation 0"));
}
