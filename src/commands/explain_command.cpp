#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/campaign/ensemble_choice.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/scheduler/cost_model.hpp"

#include "campaign_samples.hpp"
#include "net_text.hpp"
#include "trained_results.hpp"
#include "workspace.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What the farm knows of one task.
struct Known {
    Digest digest;
    std::string name;
    double flop = 0.0;
    TaskFileKind kind = TaskFileKind::training_result;
};

Known known(const TrainTask& task) {
    return {task.digest, task.name, task.flop, TaskFileKind::training_result};
}

/// A task by its name or that of one of its nets, or by the first digits of its digest.
Known find_task(const TaskGraph& graph,
                const std::vector<EnsembleChoice>& choices,
                const std::string& wanted) {
    const auto is_wanted = [&](const TrainTask& task) {
        return task.name == wanted || task.digest.hex().starts_with(wanted) ||
               std::any_of(task.nets.begin(), task.nets.end(),
                           [&](const PlannedNet& net) { return net.name == wanted; });
    };
    for (const EnsembleChoice& choice : choices) {
        for (const TrainTask& task : choice.trainings) {
            if (is_wanted(task)) return known(task);
        }
    }
    for (const TrainTask& task : graph.trainings) {
        if (is_wanted(task)) return known(task);
    }
    for (const InferTask& task : graph.inferences) {
        if (task.name == wanted || task.digest.hex().starts_with(wanted)) {
            return {task.digest, task.name, task.flop, TaskFileKind::ratio_block};
        }
    }
    throw ConfigError(fmt::format(
        "there is no task '{}'; give a name such as '{}' or the first digits of a digest", wanted,
        graph.trainings.empty() ? "S/member 0" : graph.trainings.front().name));
}

std::string state_text(const Known& task, const RunDirectory& directory, const JournalState& all) {
    if (task_file_is_complete(directory.result(task.digest), task.kind, task.digest)) {
        return "done";
    }
    const auto given_up = all.given_up.find(task.digest);
    if (given_up != all.given_up.end()) {
        return fmt::format("given up after {} strikes: {}", given_up->second.strikes,
                           given_up->second.reason);
    }
    if (fs::exists(directory.state(task.digest))) return "begun; it goes on from its checkpoint";
    if (all.committed.contains(task.digest)) {
        return task.kind == TaskFileKind::ratio_block ? "done, and its result is in ratios.h5"
                                                      : "done once, but its file is missing";
    }
    return "waits";
}

JournalState read_all_journals(const RunDirectory& directory) {
    JournalState all = read_journal(directory.journal());
    for (const fs::path& path : directory.shard_journals()) merge(all, read_journal(path));
    return all;
}

void print_history(const Known& task, const JournalState& all) {
    for (const TaskNoted& note : all.notes) {
        if (note.task != task.name && note.task != task.digest.hex()) continue;
        fmt::print("at {:8.1f} s  rank {}: {}\n", note.at, note.worker, note.text);
    }
    const auto committed = all.committed.find(task.digest);
    if (committed == all.committed.end()) return;
    const TaskCommitted& event = committed->second;
    fmt::print("at {:8.1f} s  rank {}: committed by attempt {} after {:.1f} s{}{}\n", event.at,
               event.worker, event.attempt, event.seconds,
               event.resumed ? ", from a checkpoint" : "",
               event.adopted ? ", adopted by its file" : "");
    fmt::print("result       {} bytes, CRC-32 {:08x}\n", event.bytes, event.crc);
}

ExitCode run(CommandContext&, const Arguments& arguments) {
    const fs::path out = arguments.text("out");
    const RunDirectory directory(fs::absolute(out));
    if (!fs::exists(directory.campaign())) {
        throw DataError(
            fmt::format("'{}' is no run directory (it has no campaign.toml); name it by "
                        "--out",
                        out.string()));
    }
    const Campaign campaign = read_campaign(directory.campaign());
    const auto samples = read_campaign_samples(campaign, directory.root().string());
    const JournalState all = read_all_journals(directory);
    const TaskGraph graph = make_task_graph(campaign, samples, arguments.text("device"));
    TrainedResults results(directory);
    const std::string device = arguments.text("device");
    const auto choices =
        choose_ensembles({campaign, samples, device}, graph,
                         [&](const Digest& training) { return results.find(training); });
    const Known task = find_task(graph, choices, arguments.positional().front());

    CostModel costs;
    for (const auto& [digest, event] : all.committed) {
        if (!event.resumed && !event.adopted) costs.learn(event.name, event.flop, event.seconds);
    }
    fmt::print("task         {}\ndigest       {}\nstate        {}\n", task.name, task.digest.hex(),
               state_text(task, directory, all));
    fmt::print("cost         {:.3g} FLOP, about {:.3g} s (learned from {} tasks)\n", task.flop,
               costs.seconds(task.name, task.flop), costs.tasks());
    print_history(task, all);
    fmt::print("{}", nets_text(task.digest, choices, campaign.gates));
    fmt::print("files        {}\n", directory.result(task.digest).string());
    return ExitCode::done;
}

}  // namespace

Command explain_command() {
    Command command;
    command.name = "explain";
    command.summary = "Says all that the files of a run know of one task.";
    command.positional = {"TASK"};
    command.required_positional = 1;
    command.options = {{"out", "DIR", "run directory", "."},
                       {"device", "WORD", "cpu or cuda: what the nets are trained on", "cpu"}};
    command.run = run;
    return command;
}

}  // namespace ratiofarm
