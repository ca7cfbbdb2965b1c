#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "campaign/ensemble_spec.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "core/signal_flags.hpp"
#include "pipeline/nets_record.hpp"
#include "pipeline/search_status.hpp"
#include "pipeline/workspace.hpp"
#include "protocol/task_file.hpp"
#include "report/farm_text.hpp"
#include "results/fit_json.hpp"
#include "scheduler/cost_model.hpp"

#include "command.hpp"
#include "net_text.hpp"
#include "planned_tasks.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A farm and the shard it worked on; empty: everything.
struct Farm {
    FarmTimes times;
    std::string shard;
};

/// What the files of a run directory say; no lock is taken and nothing is written.
struct Status {
    TrainedNets nets;
    std::uint64_t checkpointed = 0;  ///< nets that are begun and not finished
    std::uint64_t toy_tasks = 0;     ///< done
    std::uint64_t toys_begun = 0;    ///< tasks that were stopped within
    bool toys = false;               ///< toys.json exists
    std::vector<TaskGivenUp> given_up;
    std::vector<std::string> ensembles;
    std::vector<EnsembleRecord> gates;
    std::vector<TestedShape> shapes;
    std::string search;  ///< what there is to say about a search
    Json search_json;
    std::optional<SelectionStatus> selection;  ///< of a campaign whose events are selected
    bool ratios = false;
    bool fit = false;
    std::vector<std::string> warnings;  ///< of fit.json
    bool report = false;
    bool locked = false;
    std::uint64_t damaged_lines = 0;
    std::vector<StageEnded> stages;
    CostModel costs;          ///< learned from the tasks that are done
    std::vector<Farm> farms;  ///< of the last run, and of each shard
};

void count_begun(const RunDirectory& directory, Status& status) {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(directory.tasks(), error), end; entry != end;
         entry.increment(error)) {
        if (entry->path().extension() != ".state") continue;
        const bool toys = task_file_kind(entry->path()) == TaskFileKind::toy_block;
        (toys ? status.toys_begun : status.checkpointed) += 1;
    }
}

void add_farms(Status& status, const JournalState& journal, const std::string& shard) {
    for (const FarmTimes& farm : journal.times.farms()) status.farms.push_back({farm, shard});
}

std::vector<std::string> fit_warnings_of(const fs::path& path) {
    try {
        const FitRecord record = parse_fit_json(read_sealed(path));
        std::vector<std::string> warnings = record.fit.warnings;
        if (record.limits) {
            const auto& more = record.limits->warnings;
            warnings.insert(warnings.end(), more.begin(), more.end());
        }
        return warnings;
    } catch (const Error&) {
        return {path.string() + " is damaged or of another version: fit again"};
    }
}

Status read_status(const RunDirectory& directory) {
    Status status;
    Campaign campaign;  // none where toys of foreign ratios were all that was done
    if (fs::exists(directory.campaign())) {
        status.selection = selection_status(directory);
        campaign = find_campaign_of_run(directory).campaign;
    }
    JournalState journal = read_journal(directory.journal());
    add_farms(status, journal, "");
    for (const fs::path& path : directory.shard_journals()) {
        const JournalState shard = read_journal(path);
        const std::string name = path.stem().extension().string();  // ".shard-0-of-4"
        add_farms(status, shard, name.substr(1));
        merge(journal, shard);
    }
    identify_old_lines(journal, directory);
    status.costs = learned_costs(journal);
    status.nets = count_trained_nets(campaign, journal);
    if (status.selection) status.selection->nets = count_preselection_nets(journal);
    if (campaign.has_events()) {
        for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
            if (fs::exists(directory.ensemble(spec.name))) status.ensembles.push_back(spec.name);
        }
    }
    status.search = search_status_text(directory, journal);
    status.search_json = search_status_json(directory, journal);
    status.gates = read_nets_record(directory);
    status.shapes = read_shapes_record(directory);
    for (const auto& entry : journal.given_up) status.given_up.push_back(entry.second);
    count_begun(directory, status);
    for (const auto& [name, task] : journal.latest) {
        if (is_toys(journal.committed.at(task).identity.kind)) status.toy_tasks += 1;
    }
    status.toys = fs::exists(directory.toys_json());
    status.ratios = fs::exists(directory.ratios());
    status.fit = fs::exists(directory.fit_json());
    if (status.fit) status.warnings = fit_warnings_of(directory.fit_json());
    status.report = fs::exists(directory.report());
    status.locked = fs::exists(directory.lock()) || !directory.shard_locks().empty();
    status.damaged_lines = journal.damaged_lines;
    status.stages = journal.stages;
    return status;
}

std::string status_json(const Status& status) {
    Json failed = Json::array();
    for (const TaskGivenUp& task : status.given_up) {
        failed.push_back({{"task", task.name}, {"reason", task.reason}});
    }
    Json excluded = Json::array();
    for (const EnsembleRecord& ensemble : status.gates) {
        for (const Exclusion& exclusion : ensemble.excluded) {
            excluded.push_back(
                {{"net", exclusion.net}, {"gate", exclusion.gate}, {"reason", exclusion.text}});
        }
        for (const std::string& failure : ensemble.failures) {
            failed.push_back({{"task", ensemble.name}, {"reason", failure}});
        }
    }
    Json stages = Json::array();
    for (const StageEnded& stage : status.stages) {
        stages.push_back({{"stage", stage.stage}, {"seconds", stage.seconds}});
    }
    Json null_shapes = Json::array();
    for (const TestedShape& shape : status.shapes) {
        if (shape.significance.significant) continue;
        null_shapes.push_back({{"process", shape.process}, {"parameter", shape.parameter}});
    }
    Json costs = Json::array();
    for (const CostModel::Family& family : status.costs.families()) {
        costs.push_back({{"kind", family_text(family.kind, family.name)},
                         {"task", word_of(family.kind)},
                         {"tasks", family.tasks},
                         {"flop", family.flop},
                         {"seconds", family.seconds}});
    }
    Json farms = Json::array();
    for (const Farm& farm : status.farms) farms.push_back(farm_json(farm.times, farm.shard));
    Json json{{"nets", status.nets.planned},
              {"trained", status.nets.trained},
              {"checkpointed", status.checkpointed},
              {"training_seconds", status.nets.seconds},
              {"failed", failed},
              {"excluded", excluded},
              {"null_shapes", null_shapes},
              {"ensembles", status.ensembles},
              {"toy_tasks", status.toy_tasks},
              {"toy_tasks_begun", status.toys_begun},
              {"ratios", status.ratios},
              {"fit", status.fit},
              {"warnings", status.warnings},
              {"report", status.report},
              {"locked", status.locked},
              {"damaged_journal_lines", status.damaged_lines},
              {"stages", stages},
              {"farms", farms},
              {"costs", costs}};
    if (status.selection) {
        json["selection"] = {{"done", status.selection->done},
                             {"preselection_nets", status.selection->nets}};
    }
    if (!status.search_json.is_null()) json["search"] = status.search_json;
    return json.dump(2) + "\n";
}

std::string status_text(const Status& status) {
    const auto word = [](bool there) { return there ? "there" : "missing"; };
    std::string text = fmt::format(
        "nets       {} of {} trained, {} with a checkpoint, {} failed\n"
        "time       {:.1f} s of training\n"
        "ensembles  {}\n"
        "ratios.h5  {}\nfit.json   {}\nreport     {}\n"
        "lock       {}\n",
        status.nets.trained, status.nets.planned, status.checkpointed, status.given_up.size(),
        status.nets.seconds, fmt::join(status.ensembles, " "), word(status.ratios),
        word(status.fit), word(status.report), status.locked ? "held by a farm" : "free");
    text += status.search;
    if (status.toys || status.toy_tasks + status.toys_begun > 0) {
        text += fmt::format("toys       {} tasks done, {} begun; toys.json {}\n", status.toy_tasks,
                            status.toys_begun, word(status.toys));
    }
    if (status.selection) text += status.selection->text();
    for (const Farm& farm : status.farms) text += farm_text(farm.times, farm.shard);
    for (const CostModel::Family& family : status.costs.families()) {
        const bool toys = is_toys(family.kind);
        text += fmt::format("cost       {}: {:.3g} s per {} from {} tasks\n",
                            family_text(family.kind, family.name),
                            (toys ? 1.0 : 1e9) * family.seconds / family.flop,
                            toys ? "toy" : "GFLOP", family.tasks);
    }
    for (const TaskGivenUp& task : status.given_up) {
        text += fmt::format("failed     {}: {}\n", task.name, task.reason);
    }
    text += exclusions_text(status.gates) + insignificant_shapes_text(status.shapes);
    for (const std::string& warning : status.warnings) text += "warning    " + warning + '\n';
    if (status.damaged_lines > 0) {
        text += fmt::format("journal    {} damaged lines skipped\n", status.damaged_lines);
    }
    return text;
}

ExitCode run_status(RunContext&, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(places.out);
    if (!fs::exists(directory.campaign()) && !fs::exists(directory.journal())) {
        throw DataError(
            fmt::format("'{}' is not a run directory (it has neither campaign.toml nor a journal); "
                        "name one with --out",
                        places.out.string()));
    }
    const auto print = [&] {
        const Status status = read_status(directory);
        fmt::print("{}", arguments.has("json") ? status_json(status) : status_text(status));
        std::fflush(stdout);
    };
    print();
    if (!arguments.has("watch")) return ExitCode::done;
    install_signal_flags();
    while (signal_request() != SignalRequest::stop) {
        std::this_thread::sleep_for(std::chrono::seconds(2));
        fmt::print("\n");
        print();
    }
    return ExitCode::done;
}

}  // namespace

Command status_command() {
    return {.name = "status",
            .summary = "Tells how far a run is; only reads its files, also while it runs.",
            .positional = {"CAMPAIGN.toml"},
            .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                        {"watch", "", "print again every two seconds until interrupted"},
                        {"json", "", "print JSON"}},
            .run = run_status};
}

}  // namespace ratiofarm
