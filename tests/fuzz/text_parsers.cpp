// Readers of texts: campaigns, workspaces, records, and small words.
#include <cmath>
#include <filesystem>
#include <limits>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/coefficient.hpp"

#include "campaign/bin_expectations.hpp"
#include "campaign/made_from.hpp"
#include "campaign/search/study.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "pyhf/pyhf_export.hpp"
#include "pyhf/pyhf_file.hpp"
#include "pyhf/pyhf_import.hpp"
#include "results/bundle_record.hpp"
#include "results/fit_json.hpp"
#include "results/gof_json.hpp"
#include "results/search_record.hpp"
#include "results/selection_record.hpp"
#include "results/unblinding.hpp"
#include "scheduler/host/walltime.hpp"
#include "store/shard.hpp"
#include "tests/campaign/example_campaign.hpp"
#include "tests/results/full_record.hpp"

#include "parser.hpp"

namespace ratiofarm::test {
namespace {

const std::string sources = RATIOFARM_SOURCE_DIR;

/// What is read is written and read again: the same, or something was not looked at.
std::string written_again(const Campaign& campaign) {
    const std::string text = campaign_toml(campaign);
    expect_whole(campaign_toml(parse_campaign(text, campaign.folder)) == text,
                 "a campaign that was read is not what its text says");
    text_of(fit_made_from(campaign));
    const BinExpectations bins = bin_expectations(campaign);
    if (!bins.mistakes.empty()) throw ConfigError(mistakes_text(bins.mistakes, "campaign.toml"));
    return text;
}

const std::string systematics_toml = R"toml(
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[systematic]]
name = "lumi"
shape = []
yield = { S = { up = 1.02, down = 0.98 }, B = { up = 1.02, down = 0.98 } }
)toml";

const std::string search_toml = R"toml(
[search]
trials = 9
first_rung = 1
processes = ["S"]
second_objective = "cost"
sampler = "sobol"
points = [{ "training.learning_rate" = 1e-3, "network.hidden" = [8], "training.batch" = 64 }]
[search.parameters]
"training.learning_rate" = { log_uniform = [1e-4, 1e-2] }
"network.hidden" = { choice = [[64, 64], [8]] }
"training.batch" = { log_integer = [16, 100], when = { "network.hidden" = [[8]] } }
)toml";

std::string workspace(const std::string& name) {
    return read_text(sources + "/tests/fit/workspaces/" + name + ".json");
}

Campaign imported(const nlohmann::json& json) {
    return campaign_from_pyhf(json, {.measurement = "", .campaign = "imported"});
}

Parser campaigns() {
    Parser parser{.name = "campaign", .seeds = {example_toml}};
    for (const char* example : {"01_interference/campaign_1d", "02_dimuon/campaign",
                                "02_dimuon/measurement", "03_systematics/campaign"}) {
        parser.seeds.push_back(read_text(sources + "/examples/" + example + ".toml"));
    }
    parser.seeds.push_back(
        campaign_toml(parse_campaign(example_toml + systematics_toml + search_toml, "/folder")));
    parser.seeds.push_back(campaign_toml(imported(parse_pyhf(workspace("all_modifiers")))));
    parser.read = [](const std::string& input) {
        return written_again(parse_campaign(input, "/folder"));
    };
    return parser;
}

Parser sealed_campaigns() {
    return {.name = "campaign with its seal",
            .damage = Damage::found,
            .seeds = {sealed("campaign.toml", example_toml)},
            .read = [](const std::string& input) {
                expect_seal("campaign.toml", input);
                return written_again(parse_campaign(input, "/folder"));
            }};
}

Parser workspaces() {
    Parser parser{.name = "workspace"};
    for (const char* name : {"all_modifiers", "shapesys_1bin", "staterror_channels"}) {
        parser.seeds.push_back(workspace(name));
    }
    parser.read = [](const std::string& input) {
        const Campaign campaign = imported(parse_pyhf(input));
        const std::string text = written_again(campaign);
        pyhf_from_campaign(campaign);
        return text;
    };
    return parser;
}

Parser patches() {
    const auto base = parse_pyhf(workspace("shapesys_1bin"));
    const std::string patch =
        R"([{"op": "replace", "path": "/channels/0/samples/0/data", "value": [7.0]},
            {"op": "copy", "from": "/channels/0/samples/0", "path": "/channels/0/samples/-"},
            {"op": "replace", "path": "/channels/0/samples/2/name", "value": "third"},
            {"op": "test", "path": "/version", "value": "1.0.0"}])";
    const std::string set =
        R"({"metadata": {"name": "set"}, "version": "1.0.0", "patches": [{"metadata":
            {"name": "one", "values": [1]}, "patch": )" +
        patch + "}]}";
    return {.name = "patch of a workspace",
            .seeds = {patch, set},
            .read = [base](const std::string& input) {
                return campaign_toml(imported(patched(base, parse_pyhf(input), "one")));
            }};
}

/// A record of results with its seal and without.
template <class Parse, class Write>
void add_records(std::vector<Parser>& parsers,
                 const std::string& name,
                 const std::string& json,
                 Parse parse,
                 Write write) {
    const auto read = [parse, write](const std::string& input) {
        const std::string text = write(parse(input));
        expect_whole(write(parse(text)) == text,
                     "a record that was read is not what its text says");
        return text;
    };
    parsers.push_back({.name = name, .seeds = {json}, .read = read});
    parsers.push_back({.name = name + " with its seal",
                       .damage = Damage::found,
                       .seeds = {sealed(name, json)},
                       .read = [name, read](const std::string& input) {
                           expect_seal(name, input);
                           return read(input);
                       }});
}

SearchRecord example_search() {
    const Campaign campaign = parse_campaign(example_toml + search_toml, "/folder");
    const SearchPlan plan = make_search_plan({campaign, example_samples(), "cpu"});
    const auto score = [](TrialRung what) -> std::optional<double> {
        if (what.trial == 5) return std::numeric_limits<double>::infinity();
        return 1.0 / (1.0 + what.trial) / (1.0 + what.rung);
    };
    return search_record(plan, *campaign.search, successive_halving(plan.halving, score), {score});
}

BundleRecord example_bundle() {
    BundleRecord record;
    record.made_by = "ratiofarm 0.1.0";
    record.campaign = "toy";
    record.data = "events of sample D";
    record.description = {{"license", "CC0"}};
    record.left_out = {"the observed events (sample D)"};
    record.files = {{"campaign.toml", 3000, std::string(64, 'a'), {1, 2}}};
    return record;
}

GoldenRecord example_golden() {
    const GoldenRecord::Point point{{1.0, 0.5}, -2.5, {0.25, 3.0}, {{4.0, 0.5}, {0.5, 2.0}}};
    return {{"mu", "alpha"}, "events of sample D", {point, point}};
}

GofRecord example_gof() {
    GofTest test{.region = "SR", .observable = "mass", .deviance = 3.5, .ndf = 3.0};
    test.edges = {0.0, 1.5};
    test.observed = {10.0, 12.0, 1.0};
    test.expected = {9.5, 11.0, 2.25};
    return {.campaign = "toy",
            .data = "events of sample D",
            .poi = "mu",
            .best = 1.25,
            .toys = 100,
            .failed = 1,
            .tests = {test, test},
            .made_from = {{"process.S.yield", "60.0"}}};
}

Campaign regions() {
    return parse_campaign(
        example_toml +
            "[[region]]\nname = \"SR\"\ntype = \"unbinned\"\nwhere = { mass = [0.0, inf] }\n"
            "[[region]]\nname = \"CR\"\ntype = \"binned\"\nobservable = \"mass\"\n"
            "edges = [-inf, -1.0, 0.0]\n",
        "/folder");
}

SelectionRecord example_selection() {
    const Campaign campaign = regions();
    return {.campaign = "toy",
            .inputs = {1, 2},
            .rules = {3, 4},
            .sums = empty_sums(campaign, RegionCuts(campaign)),
            .scores = {{"S", std::vector<double>(score_bins, 1.0 / 3.0)}}};
}

void add_all_records(std::vector<Parser>& parsers) {
    add_records(parsers, "fit.json", fit_json(full_record()), parse_fit_json,
                [](const FitRecord& record) {
                    not_converged(record);
                    return fit_json(record);
                });
    add_records(parsers, "search.json", search_json(example_search()), parse_search_json,
                [](const SearchRecord& record) {
                    search_text(record);
                    search_csv(record);
                    return search_json(record);
                });
    add_records(parsers, "bundle.json", bundle_json(example_bundle()), parse_bundle_json,
                bundle_json);
    add_records(parsers, "golden.json", golden_json(example_golden()), parse_golden_json,
                [](const GoldenRecord& record) {
                    golden_differences(record, record);
                    return golden_json(record);
                });
    add_records(parsers, "gof.json", gof_json(example_gof()), parse_gof_json,
                [](const GofRecord& record) {
                    gof_text(record);
                    return gof_json(record);
                });
    add_records(parsers, "selection.json", selection_json(example_selection(), regions()),
                parse_selection_json,
                [](const SelectionRecord& record) { return selection_json(record, regions()); });
    add_records(parsers, "unblinding.json",
                unblindings_json(
                    {*full_record().blinding->unblinding, *full_record().blinding->unblinding}),
                parse_unblindings, unblindings_json);
}

/// What a program proposes for a search.
Parser points() {
    return {
        .name = "points",
        .seeds = {R"([{"training.learning_rate": 1e-3, "network.hidden": [8], "training.batch": 64},
                          {"training.learning_rate": 0.005, "network.hidden": [64, 64]}])"},
        .read = [](const std::string& input) {
            static const SearchSection search =
                *parse_campaign(example_toml + search_toml, "/folder").search;
            std::string text;
            for (const SearchSetting& point : parse_points(search, input)) {
                const std::string json = "[" + point_json(point).dump() + "]";
                expect_whole(
                    parse_points(search, json) == std::vector<std::decay_t<decltype(point)>>{point},
                    "a point that was read is not what its text says");
                text += setting_text(point) + "\n";
            }
            return text;
        }};
}

const std::string study_toml = R"toml(
[study]
name = "calo"
epochs = 9
objectives = { loss = "min", auc = "max" }
target = 0.5
[search]
trials = 9
first_rung = 3
sampler = "tpe"
points = [{ lr = 1e-3, kind = "sgd", momentum = 0.5 }]
[search.parameters]
lr = { log_uniform = [1e-4, 1e-2] }
kind = { choice = ["adam", "sgd"] }
momentum = { uniform = [0.1, 0.9], when = { kind = ["sgd"] } }
)toml";

Parser study_files() {
    return {.name = "study", .seeds = {study_toml}, .read = [](const std::string& input) {
                Study study(parse_study(input, "/folder", "study.toml"));
                return study.answer("a", R"({"ask": 2, "seq": 1})").text;
            }};
}

/// What a trainer says: whatever it is, it has an answer, and if it changed the books the same
/// again.
Parser study_requests() {
    const std::string about = R"({"seq": 7, "report": {"trial": 0, "attempt": 1, "rung": 0, )";
    return {.name = "request of a trainer",
            .seeds = {R"({"hello": 1, "client": "a", "protocol": "ratiofarm-hpo/1"})",
                      R"({"ask": 3, "seq": 17})", about + R"("values": {"loss": 0.5, "auc": 1}}})",
                      about + R"("values": {"loss": null, "auc": -1e-3}}})",
                      R"({"fail": {"trial": 0, "attempt": 1, "reason": "nan"}, "seq": 1})",
                      R"({"renew": {"trial": 0, "attempt": 1}, "seq": 2})",
                      R"({"enqueue": [{"lr": 0.002, "kind": "adam"}], "seq": 3})",
                      R"({"best": 1, "seq": 4})", R"({"status": 1, "seq": 5})",
                      R"({"bye": 1, "seq": 6})"},
            .read = [](const std::string& input) {
                Study study(parse_study(study_toml, "/folder", "study.toml"));
                study.answer("a", R"({"ask": 1, "seq": 0})");
                const Study::Answer answer = study.answer("a", input);
                expect_whole(nlohmann::json::accept(answer.text), "an answer is not JSON");
                expect_whole(!answer.changed || study.answer("a", input).text == answer.text,
                             "a repeated request has another answer");
                return answer.text;
            }};
}

Parser coefficients() {
    return {.name = "coefficient",
            .seeds = {"mu - sqrt(mu)", "(mu - sqrt(mu)) / (10 - sqrt(10))", "kappa^2 * mu^1.5 - 1",
                      "((mu + kappa)^2 - 1.5e-1)^2 * 2", "-(mu*kappa)^0.5 + sqrt(kappa)/3"},
            .read = [](const std::string& input) {
                const std::vector<std::string> names{"mu", "kappa"};
                const Coefficient read = Coefficient::parse(input, names);
                expect_whole(Coefficient::parse(read.text(), names) == read,
                             "a coefficient that was read is not what its text says");
                return read.text();
            }};
}

Parser shards() {
    return {.name = "shard",
            .seeds = {"2/8", "0/1", "17/100000"},
            .read = [](const std::string& input) { return parse_shard(input).name(); }};
}

/// What a ratio file says that it was made from.
Parser origins() {
    return {.name = "made from",
            .seeds = {text_of(fit_made_from(parse_campaign(example_toml, "/folder")))},
            .read = [](const std::string& input) {
                const std::string text = text_of(parse_made_from(input));
                expect_whole(text_of(parse_made_from(text)) == text,
                             "what a file was made from is not what its text says");
                return text;
            }};
}

/// Of Slurm, and of --time-budget.
Parser time_limits() {
    return {.name = "time limit",
            .seeds = {"1-12:30:05", "45", "12:30", "2-00", "1:02:03", "UNLIMITED"},
            .read = [](const std::string& input) -> std::string {
                const auto seconds = parse_slurm_duration(input);
                if (!seconds) return "none";
                expect_whole(*seconds >= 0.0 && std::isfinite(*seconds), "a time that cannot be");
                return std::to_string(*seconds);
            }};
}

}  // namespace

std::vector<Parser> text_parsers() {
    std::vector<Parser> parsers{campaigns(),    sealed_campaigns(), workspaces(),    patches(),
                                coefficients(), points(),           shards(),        origins(),
                                time_limits(),  study_files(),      study_requests()};
    add_all_records(parsers);
    return parsers;
}

}  // namespace ratiofarm::test
