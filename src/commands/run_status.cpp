#include "run_status.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "campaign/ensemble_spec.hpp"
#include "campaign/made_from.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "core/sealed_text.hpp"
#include "pipeline/blinding.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/search/searched_campaign.hpp"
#include "protocol/task_file.hpp"
#include "report/fit_text.hpp"
#include "report/report_age.hpp"
#include "results/fit_json.hpp"
#include "results/unfold_json.hpp"
#include "store/killed_attempts.hpp"

#include "planned_tasks.hpp"
#include "slurm_queue.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

void count_begun(const RunDirectory& directory, RunStatus& status) {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(directory.tasks(), error), end; entry != end;
         entry.increment(error)) {
        if (entry->path().extension() != ".state") continue;
        const bool toys = task_file_kind(entry->path()) == TaskFileKind::toy_block;
        (toys ? status.toys_begun : status.checkpointed) += 1;
    }
}

/// What all journals say, with the farms of each.
/// \param work  becomes the digests of all that farms have worked on
JournalState read_farms(const RunDirectory& directory,
                        RunStatus& status,
                        std::set<std::string>& work) {
    const auto add_farms = [&](const JournalState& journal, const std::string& shard) {
        for (const FarmTimes& farm : journal.times.farms()) status.farms.push_back({farm, shard});
        for (const FarmStarted& farm : journal.farms) work.insert(farm.graph);
    };
    JournalState journal = read_journal_with_running(directory.journal());
    add_farms(journal, "");
    for (const fs::path& path : directory.other_journals()) {
        const JournalState shard = read_journal_with_running(path);
        const std::string name = path.stem().extension().string();  // ".shard-0-of-4"
        add_farms(shard, name.substr(1));
        merge(journal, shard);
        journal.damaged_lines += shard.damaged_lines;
    }
    identify_old_lines(journal, directory);
    return journal;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void add_fit(const fs::path& path, RunStatus& status) {
    try {
        const FitRecord record = parse_fit_json(read_sealed(path));
        status.result = first_line(fit_text(record));
        status.warnings = warnings_of(record);
    } catch (const Error&) {
        status.warnings = {path.string() + " is damaged or of another version: fit again"};
    }
}

/// What the last report says of the ratios, as long as they are those that it looked at.
void add_report_warnings(const JournalState& journal, RunStatus& status) {
    const auto last = std::ranges::find_if(
        journal.stages.rbegin(), journal.stages.rend(), [](const StageEnded& stage) {
            return stage.stage == "report" || stage.stage == "infer" || stage.stage == "gather";
        });
    if (last == journal.stages.rend()) return;
    std::istringstream lines(last->warnings);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(' ')) status.warnings.push_back("report: " + line);
    }
}

/// The trainings of the campaign.
struct PresentTasks {
    std::map<std::string, Digest> by_name;
    std::set<Digest> all;      ///< also replacements, and of each device
    std::set<TaskKind> kinds;  ///< of which `all` has every one
};

/// Digests are known by the events, which nobody reads to look at a run whose farms have all worked
/// on one campaign. Nothing without the events.
PresentTasks present_tasks(const RunDirectory& directory) {
    PresentTasks present;
    for (const char* device : {"cpu", "cuda"}) {
        const auto add = [&](const auto& tasks) {
            for (const auto& task : tasks) {
                present.all.insert(task.digest);
                present.kinds.insert(task.identity.kind);
            }
        };
        const auto add_by_name = [&](const auto& tasks) {
            add(tasks);
            for (const auto& task : tasks) {
                if (fs::exists(directory.result(task.digest)) || device == std::string("cpu")) {
                    present.by_name.insert_or_assign(task.name, task.digest);
                }
            }
        };
        try {
            const PlannedTasks planned = planned_tasks(directory, device);
            add_by_name(planned.graph.trainings);
            add_by_name(planned.unfolding.tasks);
            for (const EnsembleChoice& choice : planned.choices) add(choice.trainings);
        } catch (const Error&) {
            return {};
        }
    }
    return present;
}

/// Failures of earlier settings of the campaign are nobody's any more.
void add_failures(const JournalState& journal, const PresentTasks& present, RunStatus& status) {
    for (const auto& [task, event] : journal.given_up) {
        const bool known = present.kinds.contains(event.identity.kind);
        if (!known || present.all.contains(task)) status.given_up.push_back(event);
    }
    std::ranges::sort(status.given_up, {}, &TaskGivenUp::name);
}

void read_unfold_record(const RunDirectory& directory,
                        const Campaign& campaign,
                        RunStatus& status) {
    ChainCounts& counts = *status.unfolding;
    counts.table = fs::exists(directory.unfolded());
    counts.record = fs::exists(directory.unfold_json());
    if (!counts.record) return;
    try {
        const UnfoldRecord record = parse_unfold_json(read_sealed(directory.unfold_json()));
        const auto changes = differences(record.made_from, unfold_made_from(campaign));
        if (changes.empty()) {
            status.result = first_line(unfold_text(record));
            status.warnings = record.warnings;
            return;
        }
        counts.table = counts.record = false;
        status.warnings = {"unfolded.h5 and unfold.json are of another campaign" +
                           first_of(changes, "\n  ")};
    } catch (const Error&) {
        status.damaged.push_back(directory.unfold_json().string() +
                                 " is damaged or of another version: run again");
    }
}

void count_chains(const RunDirectory& directory,
                  const Campaign& campaign,
                  const JournalState& journal,
                  const std::map<std::string, Digest>& digests,
                  RunStatus& status) {
    ChainCounts& counts = status.unfolding.emplace();
    counts.seconds = attempted_seconds(journal, TaskKind::unfold);
    for (const UnfoldName& task : unfold_names(*campaign.unfolding)) {
        const auto known = journal.latest.find(task.name);
        const auto now = digests.find(task.name);
        const bool done =
            known != journal.latest.end() && (now == digests.end() || now->second == known->second);
        counts.tasks += 1;
        counts.tasks_done += done ? 1 : 0;
        counts.chains += task.ends_chain ? 1 : 0;
        counts.chains_done += task.ends_chain && done ? 1 : 0;
        if (done) counts.seconds += journal.committed.at(known->second).result.seconds;
    }
    read_unfold_record(directory, campaign, status);
}

/// Counts of tasks and products that the campaign plans.
/// \param changed  farms have worked on several campaigns
void add_campaign(const RunDirectory& directory,
                  const JournalState& journal,
                  bool changed,
                  RunStatus& status) {
    Campaign campaign;  // none where toys of foreign ratios were all that was done
    if (fs::exists(directory.campaign())) {
        try {
            campaign = find_campaign_of_run(directory).campaign;
            status.selection = selection_status(directory);
        } catch (const DataError& damage) {
            status.damaged.push_back(damage.what());
        }
    }
    const PresentTasks present = changed ? present_tasks(directory) : PresentTasks();
    status.nets = count_trained_nets(campaign, journal, present.by_name);
    add_failures(journal, present, status);
    if (status.selection) status.selection->nets = count_preselection_nets(journal);
    if (campaign.unfolding) count_chains(directory, campaign, journal, present.by_name, status);
    if (!campaign.has_events()) return;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        status.planned_ensembles += 1;
        if (fs::exists(directory.ensemble(spec.name))) status.ensembles.push_back(spec.name);
    }
}

/// nets.json, selection.json and search.json, each of which may be damaged.
void add_records(const RunDirectory& directory, RunStatus& status) {
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
    look([&] { read_unblindings(directory); });
    look([&] { find_selection(directory); });
    look([&] { find_search(directory); });
}

/// A lock that somebody left who is known to have ended holds nothing.
void add_locks(const RunDirectory& directory, RunStatus& status) {
    std::vector<fs::path> locks = directory.other_locks();
    locks.insert(locks.begin(), directory.lock());
    for (const fs::path& lock : locks) {
        if (auto owner = living_owner(lock)) {
            status.holders.push_back(std::move(*owner));
        } else if (fs::exists(lock)) {
            status.dead_locks += 1;
        }
    }
}

}  // namespace

RunStatus read_run_status(const RunDirectory& directory) {
    RunStatus status;
    add_locks(directory, status);  // first: who ends meanwhile has another look taken
    std::set<std::string> work;
    const JournalState journal = read_farms(directory, status, work);
    add_campaign(directory, journal, work.size() > 1, status);
    status.costs = learned_costs(journal);
    status.search = search_status_text(directory, journal);
    status.search_json = search_status_json(directory, journal);
    add_records(directory, status);
    count_begun(directory, status);
    for (const auto& [name, task] : journal.latest) {
        if (is_toys(journal.committed.at(task).identity.kind)) status.toy_tasks += 1;
    }
    status.toys = fs::exists(directory.toys_json());
    status.gof = fs::exists(directory.gof_json());
    status.ratios = fs::exists(directory.ratios());
    status.fit = fs::exists(directory.fit_json());
    if (status.fit) add_fit(directory.fit_json(), status);
    if (status.fit && work.size() > 1 && status.nets.trained < status.nets.planned) {
        status.warnings.insert(status.warnings.begin(),
                               "the result is that of nets of another campaign; run the same "
                               "command again, which trains those that are missing");
    }
    add_report_warnings(journal, status);
    status.report = fs::exists(directory.report());
    status.newer_than_report = newer_than_report(directory);
    status.progress = farms_at_work(directory);
    status.queue = queued_jobs(directory);
    status.damaged_lines = journal.damaged_lines;
    status.stages = journal.stages;
    return status;
}

}  // namespace ratiofarm
