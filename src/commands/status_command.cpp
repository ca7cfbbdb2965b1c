#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "campaign/ensemble_spec.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "core/process.hpp"
#include "core/sealed_text.hpp"
#include "core/signal_flags.hpp"
#include "core/units.hpp"
#include "pipeline/nets_record.hpp"
#include "pipeline/search/search_status.hpp"
#include "pipeline/search/searched_campaign.hpp"
#include "pipeline/workspace.hpp"
#include "protocol/task_file.hpp"
#include "report/farm_text.hpp"
#include "report/fit_text.hpp"
#include "results/fit_json.hpp"
#include "results/unfold_json.hpp"
#include "scheduler/cost_model.hpp"
#include "store/farm_progress.hpp"
#include "store/lock.hpp"

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

/// How far the chains of an unfolding are.
struct ChainCounts {
    std::uint64_t chains = 0, chains_done = 0;
    std::uint64_t tasks = 0, tasks_done = 0;
    double seconds = 0.0;  ///< of the tasks that are done
    bool table = false;    ///< unfolded.h5 exists
    bool record = false;   ///< unfold.json exists
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
    std::uint64_t planned_ensembles = 0;
    std::vector<EnsembleRecord> gates;
    std::vector<TestedShape> shapes;
    std::string search;  ///< what there is to say about a search
    Json search_json;
    std::optional<ChainCounts> unfolding;      ///< of a campaign with [unfolding]
    std::optional<SelectionStatus> selection;  ///< of a campaign whose events are selected
    bool ratios = false;
    bool fit = false;
    std::string result;                 ///< "mu = 1.02 +- 0.18", of fit.json
    std::vector<std::string> damaged;   ///< records that say nothing, and why
    std::vector<std::string> warnings;  ///< of fit.json
    bool report = false;
    std::vector<std::string> holders;    ///< who holds the locks
    std::vector<SeenProgress> progress;  ///< of the farms that work
    std::vector<std::string> queue;      ///< jobs of this run directory that Slurm knows
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

void add_fit(const fs::path& path, Status& status) {
    try {
        const FitRecord record = parse_fit_json(read_sealed(path));
        const std::string text = fit_text(record);
        status.result = text.substr(0, text.find('\n'));
        status.warnings = warnings_of(record);
    } catch (const Error&) {
        status.warnings = {path.string() + " is damaged or of another version: fit again"};
    }
}

void count_chains(const RunDirectory& directory,
                  const UnfoldingSection& section,
                  const JournalState& journal,
                  Status& status) {
    ChainCounts& counts = status.unfolding.emplace();
    for (const UnfoldName& task : unfold_names(section)) {
        const auto known = journal.latest.find(task.name);
        const bool done = known != journal.latest.end();
        counts.tasks += 1;
        counts.tasks_done += done ? 1 : 0;
        counts.chains += task.ends_chain ? 1 : 0;
        counts.chains_done += task.ends_chain && done ? 1 : 0;
        if (done) counts.seconds += journal.committed.at(known->second).result.seconds;
    }
    counts.table = fs::exists(directory.unfolded());
    counts.record = fs::exists(directory.unfold_json());
    if (!counts.record) return;
    try {
        const UnfoldRecord record = parse_unfold_json(read_sealed(directory.unfold_json()));
        const std::string text = unfold_text(record);
        status.result = text.substr(0, text.find('\n'));
        status.warnings = record.warnings;
    } catch (const Error&) {
        status.damaged.push_back(directory.unfold_json().string() +
                                 " is damaged or of another version: run again");
    }
}

void add_holder(const fs::path& lock, Status& status) {
    const auto owner = living_owner(lock);
    if (!owner) {
        if (fs::exists(lock)) status.holders.push_back("left by a farm that has ended");
        return;
    }
    status.holders.push_back(fmt::format("a farm on {}, pid {}{}", owner->host, owner->pid,
                                         owner->job.empty() ? "" : ", job " + owner->job));
}

/// Jobs of this run directory, running or waiting, by the name that `submit` gives them.
std::vector<std::string> queued_jobs(const RunDirectory& directory) {
    if (!fs::exists(directory.submit_script())) return {};
    const fs::path name = fs::absolute(directory.root()).lexically_normal();
    const auto end = run_process(
        {.words = {"squeue", "--me", "--noheader", "--format=%i %T, %M of %l, %r",
                   "--name=ratiofarm " +
                       (name.has_filename() ? name : name.parent_path()).filename().string()},
         .output = Output::captured,
         .errors = Output::discarded,
         .input = false});
    std::vector<std::string> jobs;
    if (!end || !end->ok()) return jobs;
    std::istringstream lines(end->output);
    for (std::string line; std::getline(lines, line);) jobs.push_back(line);
    return jobs;
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
    for (const fs::path& path : directory.other_journals()) {
        const JournalState shard = read_journal(path);
        const std::string name = path.stem().extension().string();  // ".shard-0-of-4"
        add_farms(status, shard, name.substr(1));
        merge(journal, shard);
        journal.damaged_lines += shard.damaged_lines;
    }
    identify_old_lines(journal, directory);
    status.costs = learned_costs(journal);
    status.nets = count_trained_nets(campaign, journal);
    if (status.selection) status.selection->nets = count_preselection_nets(journal);
    if (campaign.unfolding) count_chains(directory, *campaign.unfolding, journal, status);
    if (campaign.has_events()) {
        for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
            status.planned_ensembles += 1;
            if (fs::exists(directory.ensemble(spec.name))) status.ensembles.push_back(spec.name);
        }
    }
    status.search = search_status_text(directory, journal);
    status.search_json = search_status_json(directory, journal);
    const auto look = [&](const auto& read) {
        try {
            read();
        } catch (const DataError& damage) {
            status.damaged.push_back(damage.what());
        }
    };
    look([&] {
        status.gates = read_nets_record(directory);
        status.shapes = read_shapes_record(directory);
    });
    look([&] { find_selection(directory); });
    look([&] { find_search(directory); });
    for (const auto& entry : journal.given_up) status.given_up.push_back(entry.second);
    count_begun(directory, status);
    for (const auto& [name, task] : journal.latest) {
        if (is_toys(journal.committed.at(task).identity.kind)) status.toy_tasks += 1;
    }
    status.toys = fs::exists(directory.toys_json());
    status.ratios = fs::exists(directory.ratios());
    status.fit = fs::exists(directory.fit_json());
    if (status.fit) add_fit(directory.fit_json(), status);
    status.report = fs::exists(directory.report());
    add_holder(directory.lock(), status);
    for (const fs::path& lock : directory.other_locks()) add_holder(lock, status);
    status.progress = farms_at_work(directory);
    status.queue = queued_jobs(directory);
    status.damaged_lines = journal.damaged_lines;
    status.stages = journal.stages;
    return status;
}

Json progress_json(const SeenProgress& seen) {
    Json running = Json::array();
    for (const RunningTask& task : seen.progress.tasks) {
        running.push_back({{"task", task.name},
                           {"rank", task.worker},
                           {"fraction", task.progress.fraction},
                           {"epoch", task.progress.epoch}});
    }
    Json json{{"farm", seen.farm},
              {"done", seen.progress.done},
              {"running", seen.progress.running},
              {"waiting", seen.progress.waiting},
              {"claimable", seen.progress.claimable},
              {"failed", seen.progress.failed},
              {"fraction", seen.progress.fraction}};
    if (seen.progress.left()) json["seconds_left"] = *seen.progress.left();
    json["age_seconds"] = seen.age;
    json["tasks"] = running;
    return json;
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
    Json progress = Json::array();
    for (const SeenProgress& seen : status.progress) progress.push_back(progress_json(seen));
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
              {"result", status.result},
              {"warnings", status.warnings},
              {"damaged", status.damaged},
              {"report", status.report},
              {"locked", !status.holders.empty()},
              {"progress", progress},
              {"queue", status.queue},
              {"damaged_journal_lines", status.damaged_lines},
              {"stages", stages},
              {"farms", farms},
              {"costs", costs}};
    if (status.selection) {
        json["selection"] = {{"done", status.selection->done},
                             {"preselection_nets", status.selection->nets}};
    }
    if (status.unfolding) {
        const ChainCounts& counts = *status.unfolding;
        json["unfolding"] = {{"chains", counts.chains},
                             {"chains_done", counts.chains_done},
                             {"tasks", counts.tasks},
                             {"tasks_done", counts.tasks_done},
                             {"training_seconds", counts.seconds},
                             {"unfolded", counts.table && counts.record}};
    }
    if (!status.search_json.is_null()) json["search"] = status.search_json;
    return json.dump(2) + "\n";
}

/// What a person should know beyond counts.
std::string notes_text(const Status& status) {
    std::string text;
    for (const TaskGivenUp& task : status.given_up) {
        text += fmt::format("failed     {}: {}\n", task.name, task.reason);
    }
    text += exclusions_text(status.gates) + insignificant_shapes_text(status.shapes);
    for (const std::string& damage : status.damaged) text += "damaged    " + damage + '\n';
    for (const std::string& warning : status.warnings) text += "warning    " + warning + '\n';
    if (status.damaged_lines > 0) {
        text += fmt::format("journal    {} damaged lines skipped\n", status.damaged_lines);
    }
    return text;
}

/// A farm at work: its counts, then what each worker is at, the slowest of many left out.
std::string running_text(const SeenProgress& seen) {
    constexpr std::size_t most = 8;
    std::string text = fmt::format("now        {}{}{}\n", seen.farm, seen.farm.empty() ? "" : ": ",
                                   seen.progress.text());
    if (seen.age > 60.0) {
        text += fmt::format("           (not heard of for {}: has its process ended?)\n",
                            duration_text(seen.age));
    }
    for (std::size_t i = 0; i < std::min(most, seen.progress.tasks.size()); ++i) {
        const RunningTask& task = seen.progress.tasks[i];
        text += fmt::format("  rank {:<4} {:<28} {:3.0f} %", task.worker, task.name,
                            100.0 * task.progress.fraction);
        if (std::isfinite(task.progress.validation_loss) && task.progress.epoch > 0) {
            text += fmt::format("  epoch {:<4} loss {:.4f}, validation {:.4f}", task.progress.epoch,
                                task.progress.training_loss, task.progress.validation_loss);
        }
        text += '\n';
    }
    if (seen.progress.tasks.size() > most) {
        text += fmt::format("  ... and {} more\n", seen.progress.tasks.size() - most);
    }
    return text;
}

const char* word(bool there) { return there ? "there" : "missing"; }

std::string nets_text(const Status& status) {
    const std::uint64_t failed = status.given_up.size();
    if (status.unfolding) {
        const ChainCounts& counts = *status.unfolding;
        return fmt::format(
            "chains     {} of {} done; {} of {} nets trained, {} with a checkpoint, {} failed; {} "
            "of training\n",
            counts.chains_done, counts.chains, counts.tasks_done, counts.tasks, status.checkpointed,
            failed, duration_text(counts.seconds));
    }
    return fmt::format(
        "nets       {} of {} trained, {} with a checkpoint, {} failed; {} of training\n",
        status.nets.trained, status.nets.planned, status.checkpointed, failed,
        duration_text(status.nets.seconds));
}

std::string files_text(const Status& status) {
    if (status.unfolding) {
        return fmt::format("files      unfolded.h5 {}, unfold.json {}, report {}\n",
                           word(status.unfolding->table), word(status.unfolding->record),
                           word(status.report));
    }
    return fmt::format("files      {} of {} ensembles, ratios.h5 {}, fit.json {}, report {}\n",
                       status.ensembles.size(), status.planned_ensembles, word(status.ratios),
                       word(status.fit), word(status.report));
}

std::string status_text(const Status& status, bool with_costs) {
    std::string text;
    if (!status.result.empty()) {
        text += fmt::format(
            "result     {}{}\n", status.result,
            status.warnings.empty() ? "" : fmt::format(" ({} warnings)", status.warnings.size()));
    }
    text += nets_text(status);
    for (const SeenProgress& seen : status.progress) text += running_text(seen);
    for (const std::string& job : status.queue) text += "slurm      job " + job + '\n';
    text += files_text(status);
    text += fmt::format(
        "lock       {}\n",
        status.holders.empty() ? "free" : fmt::format("{}", fmt::join(status.holders, "; ")));
    text += status.search;
    if (status.toys || status.toy_tasks + status.toys_begun > 0) {
        text += fmt::format("toys       {} tasks done, {} begun; toys.json {}\n", status.toy_tasks,
                            status.toys_begun, word(status.toys));
    }
    if (status.selection) text += status.selection->text();
    std::set<std::string> jobs;
    for (const Farm& farm : status.farms) {
        const bool joined = farm.shard.starts_with("job-");  // they may be many
        if (joined) jobs.insert(farm.shard);
        if (!joined || with_costs) text += farm_text(farm.times, farm.shard, with_costs);
    }
    if (!jobs.empty()) {
        const auto at_work = std::ranges::count_if(status.progress, [](const SeenProgress& seen) {
            return seen.farm.starts_with("job-");
        });
        text += fmt::format("jobs       {} have joined and begun tasks, {} at work\n", jobs.size(),
                            at_work);
    }
    if (!with_costs) return text + notes_text(status);
    for (const CostModel::Family& family : status.costs.families()) {
        const bool toys = is_toys(family.kind);
        text += fmt::format("cost       {}: {:.3g} s per {} from {} tasks\n",
                            family_text(family.kind, family.name),
                            (toys ? 1.0 : 1e9) * family.seconds / family.flop,
                            toys ? "toy" : "GFLOP", family.tasks);
    }
    return text + notes_text(status);
}
ExitCode run_status(RunContext&, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(places.out);
    expect_begun(directory);
    const bool redraw = arguments.has("watch") && ::isatty(STDOUT_FILENO) == 1;
    /// \return whether somebody works there or will
    const auto print = [&] {
        const Status status = read_status(directory);
        if (redraw) fmt::print("\033[H\033[2J");
        fmt::print("{}", arguments.has("json") ? status_json(status)
                                               : status_text(status, arguments.has("cost")));
        std::fflush(stdout);
        return !status.holders.empty() || !status.queue.empty();
    };
    bool at_work = print();
    if (!arguments.has("watch")) return ExitCode::done;
    install_signal_flags();
    while (at_work && signal_request() != SignalRequest::stop) {
        std::this_thread::sleep_for(std::chrono::seconds(2));
        if (!redraw) fmt::print("\n");
        at_work = print();
    }
    if (!at_work && !arguments.has("json"))
        fmt::print("nothing works on this run or waits in the queue\n");
    return ExitCode::done;
}

}  // namespace

Command status_command() {
    return {
        .name = "status",
        .group = Group::look,
        .summary = "How far a run is, what runs now, and its result",
        .details = "Only reads the files of the run directory, also while a farm works.",
        .examples = {"status campaign.toml --watch"},
        .positional = {"CAMPAIGN.toml"},
        .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                    {"watch", "",
                     "print again every two seconds while the run is at work or in the queue"},
                    {"cost", "", "also what each kind of task costs, and how busy each worker was"},
                    {"json", "", "print JSON"}},
        .run = run_status};
}

}  // namespace ratiofarm
