#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/screen.hpp"
#include "core/signal_flags.hpp"
#include "core/units.hpp"
#include "pipeline/own_directory.hpp"
#include "report/farm_text.hpp"
#include "report/report_age.hpp"

#include "command.hpp"
#include "net_text.hpp"
#include "run_status.hpp"
#include "slurm_queue.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

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
              {"there", seen.progress.there},
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

Json failed_json(const RunStatus& status) {
    Json failed = Json::array();
    for (const TaskGivenUp& task : status.given_up) {
        failed.push_back({{"task", task.name}, {"reason", task.reason}});
    }
    for (const EnsembleRecord& ensemble : status.gates) {
        for (const std::string& failure : ensemble.failures) {
            failed.push_back({{"task", ensemble.name}, {"reason", failure}});
        }
    }
    return failed;
}

Json excluded_json(const RunStatus& status) {
    Json excluded = Json::array();
    for (const EnsembleRecord& ensemble : status.gates) {
        for (const Exclusion& exclusion : ensemble.excluded) {
            excluded.push_back(
                {{"net", exclusion.net}, {"gate", exclusion.gate}, {"reason", exclusion.text}});
        }
    }
    return excluded;
}

Json null_shapes_json(const RunStatus& status) {
    Json null_shapes = Json::array();
    for (const TestedShape& shape : status.shapes) {
        if (shape.significance.significant) continue;
        null_shapes.push_back({{"process", shape.process}, {"parameter", shape.parameter}});
    }
    return null_shapes;
}

Json costs_json(const RunStatus& status) {
    Json costs = Json::array();
    for (const CostModel::Family& family : status.costs.families()) {
        costs.push_back({{"kind", family_text(family.kind, family.name)},
                         {"task", word_of(family.kind)},
                         {"tasks", family.tasks},
                         {"flop", family.flop},
                         {"seconds", family.seconds}});
    }
    return costs;
}

Json unfolding_json(const ChainCounts& counts) {
    return {{"chains", counts.chains},
            {"chains_done", counts.chains_done},
            {"tasks", counts.tasks},
            {"tasks_done", counts.tasks_done},
            {"training_seconds", counts.seconds},
            {"unfolded", counts.table && counts.record}};
}

std::string status_json(const RunStatus& status) {
    Json stages = Json::array();
    for (const StageEnded& stage : status.stages) {
        stages.push_back({{"stage", stage.stage}, {"seconds", stage.seconds}});
    }
    Json progress = Json::array();
    for (const SeenProgress& seen : status.progress) progress.push_back(progress_json(seen));
    Json farms = Json::array();
    for (const FarmOfShard& farm : status.farms) farms.push_back(farm_json(farm.times, farm.shard));
    Json json{{"nets", status.nets.planned},
              {"trained", status.nets.trained},
              {"checkpointed", status.checkpointed},
              {"training_seconds", status.nets.seconds},
              {"failed", failed_json(status)},
              {"excluded", excluded_json(status)},
              {"null_shapes", null_shapes_json(status)},
              {"ensembles", status.ensembles},
              {"toy_tasks", status.toy_tasks},
              {"toy_tasks_begun", status.toys_begun},
              {"ratios", status.ratios},
              {"fit", status.fit},
              {"result", status.result},
              {"warnings", status.warnings},
              {"damaged", status.damaged},
              {"report", status.report},
              {"newer_than_report", status.newer_than_report},
              {"locked", !status.holders.empty()},
              {"progress", progress},
              {"queue", status.queue},
              {"damaged_journal_lines", status.damaged_lines},
              {"stages", stages},
              {"farms", farms},
              {"costs", costs_json(status)}};
    if (status.selection) {
        json["selection"] = {{"done", status.selection->done},
                             {"preselection_nets", status.selection->nets}};
    }
    if (status.unfolding) json["unfolding"] = unfolding_json(*status.unfolding);
    if (!status.search_json.is_null()) json["search"] = status.search_json;
    return json.dump(2) + "\n";
}

/// What a person should know beyond counts.
std::string notes_text(const RunStatus& status) {
    std::string text;
    for (const TaskGivenUp& task : status.given_up) {
        text += fmt::format("failed     {}: {}\n", task.name, task.reason);
    }
    text += exclusions_text(status.gates) + insignificant_shapes_text(status.shapes);
    const std::string old = old_report_text(status.newer_than_report);
    if (!old.empty()) text += "report     " + old + '\n';
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

std::string nets_text(const RunStatus& status) {
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

std::string files_text(const RunStatus& status) {
    if (status.unfolding) {
        return fmt::format("files      unfolded.h5 {}, unfold.json {}, report {}\n",
                           word(status.unfolding->table), word(status.unfolding->record),
                           word(status.report));
    }
    return fmt::format("files      {} of {} ensembles, ratios.h5 {}, fit.json {}, report {}\n",
                       status.ensembles.size(), status.planned_ensembles, word(status.ratios),
                       word(status.fit), word(status.report));
}

std::string locks_text(const RunStatus& status) {
    std::vector<std::string> locks;
    for (const LockOwner& owner : status.holders) {
        locks.push_back(fmt::format("a farm on {}, pid {}{}", owner.host, owner.pid,
                                    owner.job.empty() ? "" : ", job " + owner.job));
    }
    if (status.dead_locks == 1) locks.emplace_back("left by a farm that has ended");
    if (status.dead_locks > 1) {
        locks.push_back(fmt::format("{} left by farms that have ended", status.dead_locks));
    }
    return locks.empty() ? "free" : fmt::format("{}", fmt::join(locks, "; "));
}

std::string status_text(const RunStatus& status, bool with_costs) {
    std::string text;
    if (!status.result.empty()) {
        text += fmt::format("result     {}{}\n", status.result,
                            status.warnings.empty()
                                ? ""
                                : fmt::format(" ({} warning{})", status.warnings.size(),
                                              status.warnings.size() == 1 ? "" : "s"));
    }
    text += nets_text(status);
    for (const SeenProgress& seen : status.progress) text += running_text(seen);
    for (const std::string& job : status.queue) text += "slurm      job " + job + '\n';
    text += files_text(status);
    text += "lock       " + locks_text(status) + '\n';
    text += status.search;
    if (status.toys || status.gof || status.toy_tasks + status.toys_begun > 0) {
        text +=
            fmt::format("toys       {} tasks done, {} begun; toys.json {}, gof.json {}\n",
                        status.toy_tasks, status.toys_begun, word(status.toys), word(status.gof));
    }
    if (status.selection) text += status.selection->text();
    std::set<std::string> jobs;
    for (const FarmOfShard& farm : status.farms) {
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
        text += fmt::format("cost       {}: {:.3g} s per {} from {} task{}\n",
                            family_text(family.kind, family.name),
                            (toys ? 1.0 : 1e9) * family.seconds / family.flop,
                            toys ? "toy" : "GFLOP", family.tasks, family.tasks == 1 ? "" : "s");
    }
    return text + notes_text(status);
}

/// Of a campaign whose first job has not begun. \return whether it was submitted
bool show_submitted(const RunDirectory& directory, bool json) {
    if (!std::filesystem::exists(directory.submit_script())) return false;
    const auto jobs = queued_jobs(directory);
    if (json) {
        fmt::print("{}\n", Json{{"begun", false}, {"queue", jobs}}.dump(2));
        return true;
    }
    std::string text = "submitted, and not begun yet\n";
    for (const std::string& job : jobs) text += "slurm      job " + job + '\n';
    if (jobs.empty()) {
        text += fmt::format("no job of it is in the queue: bash {} submits it\n",
                            directory.submit_script().string());
    }
    show(text);
    return true;
}

ExitCode run_status(RunContext&, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(places.out);
    const bool json = arguments.has("json");
    if (!has_begun(directory) && show_submitted(directory, json)) return ExitCode::done;
    expect_begun(directory);
    const bool redraw = arguments.has("watch") && ::isatty(STDOUT_FILENO) == 1;
    /// \return whether somebody works there or will
    const auto print = [&] {
        const RunStatus status = read_run_status(directory);
        if (redraw) fmt::print("\033[H\033[2J");
        fmt::print("{}", arguments.has("json")
                             ? status_json(status)
                             : on_screen(status_text(status, arguments.has("cost"))));
        std::fflush(stdout);
        return status.is_at_work();
    };
    bool at_work = print();
    if (!arguments.has("watch")) return ExitCode::done;
    install_signal_flags();
    while (at_work && signal_request() != SignalRequest::stop) {
        std::this_thread::sleep_for(std::chrono::seconds(2));
        if (!redraw) show("\n");
        at_work = print();
    }
    if (!at_work && !arguments.has("json"))
        show("nothing works on this run or waits in the queue\n");
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
