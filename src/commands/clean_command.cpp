#include <filesystem>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "campaign/made_from.hpp"
#include "core/screen.hpp"
#include "core/units.hpp"
#include "store/lock.hpp"

#include "command.hpp"
#include "planned_tasks.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// True for nets and evaluations that a complete plan names.
bool is_in_plan(TaskKind kind) {
    return kind == TaskKind::training || kind == TaskKind::inference ||
           kind == TaskKind::preselection || kind == TaskKind::score;
}

/// Tasks whose files are worth something: those of the campaign as it is, on either device, and of
/// every other name what was committed last (toys, trials).
std::unordered_set<Digest> needed_tasks(const RunDirectory& directory) {
    std::unordered_set<Digest> needed;
    bool is_complete = true;
    for (const char* device : {"cpu", "cuda"}) {
        const PlannedTasks planned = planned_tasks(directory, device);
        for (const TrainTask& task : planned.graph.trainings) needed.insert(task.digest);
        for (const TrainTask& task : planned.trials) needed.insert(task.digest);
        for (const InferTask& task : planned.graph.inferences) needed.insert(task.digest);
        for (const EnsembleChoice& choice : planned.choices) {
            for (const TrainTask& task : choice.trainings) needed.insert(task.digest);
        }
        is_complete = is_complete && planned.is_complete;
    }
    const JournalState history = read_journals(directory);
    for (const auto& [name, task] : history.latest) {
        const bool is_obsolete =
            is_complete && is_in_plan(history.committed.at(task).identity.kind);
        if (!is_obsolete) needed.insert(task);
    }
    return needed;
}

/// What is needed is what the copy of the campaign in the run directory asks for.
void expect_campaign_of_run(const fs::path& campaign, const RunDirectory& directory) {
    const auto changes =
        campaign_diff(read_campaign(directory.campaign()), read_campaign(campaign));
    if (changes.empty()) return;
    throw ConfigError(fmt::format(
        "'{}' holds results of another campaign than '{}', and 'clean' would remove what this one "
        "needs:{}\nUse 'ratiofarm run {} --out {}' first, or only --out {} to clean "
        "up for the campaign of the last run.",
        directory.root().string(), campaign.string(), first_of(changes, "\n  "), campaign.string(),
        directory.root().string(), directory.root().string()));
}

/// Task files (results, checkpoints) that nothing needs, and files that were set aside as damaged.
std::vector<fs::path> superfluous_files(const RunDirectory& directory) {
    const std::unordered_set<Digest> needed = needed_tasks(directory);
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory.root())) {
        if (entry.path().extension() == ".damaged") found.push_back(entry.path());
    }
    for (const fs::path& folder : {directory.tasks(), directory.ensembles()}) {
        if (!fs::exists(folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            if (!entry.is_regular_file()) continue;
            const std::string stem = name.substr(0, name.find('.'));
            const bool is_task = stem.size() == Digest{}.hex().size() &&
                                 stem.find_first_not_of("0123456789abcdef") == std::string::npos;
            const bool is_old = is_task && !needed.contains(Digest::from_hex(stem));
            if (is_old || name.ends_with(".damaged")) found.push_back(entry.path());
        }
    }
    return found;
}

ExitCode run_clean(RunContext& context, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(fs::absolute(places.out));
    if (!fs::exists(directory.campaign())) {
        throw DataError(
            fmt::format("'{}' has no campaign.toml, which 'train' and 'run' write: there are no "
                        "nets to clean up; name another run directory with --out",
                        places.out.string()));
    }
    expect_campaign_of_run(places.campaign, directory);
    const Lock lock(directory.lock(), context.log);
    for (const fs::path& shard : directory.other_locks()) {
        if (!living_owner(shard)) continue;
        throw ConfigError(
            fmt::format("'{}' is held by a farm: wait until it has ended", shard.string()));
    }
    std::uintmax_t bytes = 0;
    const std::vector<fs::path> files = superfluous_files(directory);
    for (const fs::path& file : files) {
        bytes += fs::file_size(file);
        if (arguments.has("yes")) {
            fs::remove(file);
        } else if (arguments.has("verbose")) {
            show(fmt::format("{}\n", file.lexically_relative(directory.root()).string()));
        }
    }
    show(fmt::format(
        "{} {} file{}, {}, of tasks that the campaign does not need{}\n",
        arguments.has("yes") ? "removed"
        : files.size() == 1  ? "there is"
                             : "there are",
        files.size(), files.size() == 1 ? "" : "s", with_prefix(static_cast<double>(bytes), "B"),
        arguments.has("yes") || files.empty() ? "" : "; --yes removes them, --verbose names them"));
    return ExitCode::done;
}

}  // namespace

Command clean_command() {
    return {.name = "clean",
            .group = Group::look,
            .summary = "Finds files of tasks that the campaign no longer needs",
            .details =
                "Results of earlier settings of the campaign stay in the run directory, so that "
                "going back costs nothing. With --yes they are removed.",
            .examples = {"clean campaign.toml --yes"},
            .positional = {"CAMPAIGN.toml"},
            .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                        {"yes", "", "remove them"}},
            .run = run_clean};
}

}  // namespace ratiofarm
