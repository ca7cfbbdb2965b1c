#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "campaign/unfolding_tasks.hpp"
#include "core/screen.hpp"
#include "pipeline/workspace.hpp"
#include "protocol/task_file.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// A result that later stages need.
struct NeededResult {
    std::string name;
    Digest digest;
    Digest shard_key;  ///< decides in which shard it is made
};

/// Of trainings all, of chains those that stay.
std::vector<NeededResult> needed_results(const PlannedCampaign& planned, const RunPlace& place) {
    std::vector<NeededResult> needed;
    for (const TrainTask& task : planned.graph.trainings) {
        needed.push_back({task.name, task.digest, task.digest});
    }
    if (!planned.campaign.unfolding) return needed;
    const std::string device = device_class_name(place.device);
    for (const UnfoldTask& task :
         make_unfolding_plan({planned.campaign, planned.samples, device}).tasks) {
        if (task.kept) needed.push_back({task.name, task.digest, shard_key(task)});
    }
    return needed;
}

/// Whether the result is whole and, if the journals know it, the one that was committed.
bool is_there(const RunDirectory& directory,
              const JournalState& history,
              const Digest& task,
              TaskFileKind kind) {
    const fs::path path = directory.result(task);
    if (!task_file_is_complete(path, kind, task)) return false;
    const auto known = history.committed.find(task);
    return known == history.committed.end() || known->second.result.crc == crc32(read_file(path));
}

/// The lines of the shards that the main journal does not have yet go into it.
std::uint64_t merge_journals(const RunDirectory& directory, RootBooks& books) {
    const JournalState main = read_journal(directory.journal());
    std::uint64_t merged = 0;
    for (const auto& [task, event] : books.history.committed) {
        if (main.committed.contains(task)) continue;
        books.journal->write(event);
        merged += 1;
    }
    for (const auto& [task, event] : books.history.given_up) {
        if (!main.given_up.contains(task)) books.journal->write(event);
    }
    for (const auto& [name, event] : books.history.attempted) {
        const auto known = main.attempted.find(name);
        const double before = known == main.attempted.end() ? 0.0 : known->second.seconds;
        if (event.seconds > before) {
            books.journal->write(TaskAttempted{name, event.kind, event.seconds - before});
        }
    }
    books.journal->flush();
    return merged;
}

/// Into how many shards the last farms had cut the tasks; 1 if there was none.
std::uint64_t count_of_shards(const RunDirectory& directory) {
    std::uint64_t count = 1;
    for (const fs::path& path : directory.other_journals()) {
        const std::string name = path.stem().string();
        if (!name.starts_with("journal.shard-")) continue;  // of a job that joined
        count = std::strtoull(name.substr(name.rfind('-') + 1).c_str(), nullptr, 10);
    }
    return count;
}

void print_missing(const std::vector<NeededResult>& missing, std::uint64_t shards) {
    std::map<std::uint64_t, std::vector<std::string>> by_shard;
    for (const NeededResult& task : missing) {
        by_shard[task.shard_key.high % shards].push_back(task.name);
    }
    for (const auto& [shard, names] : by_shard) {
        const std::size_t shown = std::min<std::size_t>(names.size(), 5);
        show(fmt::format(
            "missing    shard {}/{}: {} nets ({}{})\n", shard, shards, names.size(),
            fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
            names.size() > shown ? ", ..." : ""));
    }
}

ExitCode run_collect(RunContext& context, const Arguments& arguments) {
    Workspace workspace = open_workspace(context, arguments, Needs::events, Product::nets);
    auto& [planned, place, books] = workspace;
    const std::uint64_t shards = count_of_shards(place.directory);
    const std::uint64_t merged = merge_journals(place.directory, books);
    for (const fs::path& path : place.directory.other_journals()) fs::remove(path);

    const bool unfolds = planned.campaign.unfolding.has_value();
    const TaskFileKind kind = unfolds ? TaskFileKind::unfold_result : TaskFileKind::training_result;
    std::vector<NeededResult> missing = needed_results(planned, place);
    const std::size_t all = missing.size();
    std::erase_if(missing, [&](const NeededResult& task) {
        return is_there(place.directory, books.history, task.digest, kind);
    });
    show(fmt::format("collected  {} of {} {}, {} lines of {} shards\n", all - missing.size(), all,
                     unfolds ? "results of chains that stay" : "nets", merged, shards));
    for (const auto& [task, event] : books.history.given_up) {
        show(fmt::format("failed     {}: {}\n", event.name, event.reason));
    }
    print_missing(missing, shards);
    if (missing.empty()) return ExitCode::done;
    show(fmt::format(
        "run the missing shards again, or 'ratiofarm run', which trains what is missing\n"));
    return books.history.given_up.empty() ? ExitCode::resumable : ExitCode::tasks_failed;
}

}  // namespace

Command collect_command() {
    Command command;
    command.name = "collect";
    command.group = Group::whole;
    command.summary = "Merges the journals of shards and says which nets are missing";
    command.examples = {"collect campaign.toml"};
    command.positional = {"CAMPAIGN.toml"};
    command.options = workspace_options();
    std::erase_if(
        command.options,  // it makes nothing that could be made again
        [](const Option& option) { return option.name == "fresh" || option.name == "yes"; });
    command.ranks = Ranks::root;
    command.run = run_collect;
    return command;
}

}  // namespace ratiofarm
