#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/screen.hpp"
#include "core/units.hpp"
#include "pipeline/task_identities.hpp"
#include "pipeline/workspace.hpp"
#include "protocol/task_file.hpp"
#include "scheduler/cost_model.hpp"
#include "store/farm_progress.hpp"

#include "command.hpp"
#include "net_text.hpp"
#include "planned_tasks.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What the farm knows of one task.
struct Known {
    Digest digest;  ///< zero: only notes in the journal tell of it
    std::string name;
    double cost = 0.0;  ///< FLOP, or toys
    TaskFileKind kind = TaskFileKind::training_result;
    TaskIdentity identity = {};
    bool kept = true;  ///< its result stays
};

/// The planned task that a replacement stands for; other tasks as they are called.
std::string planned_one(const JournalState& all, const std::string& wanted) {
    std::string name = wanted;
    for (const auto& [task, event] : all.committed) {
        if (is_meant(task, wanted)) name = event.name;
    }
    return name.substr(0, name.find("/replacement "));
}

Known known_toys(const auto& event, double toys) {
    return {event.task, event.name, toys, TaskFileKind::toy_block, event.identity};
}

/// Toys are in no campaign: what they were is in the journal.
std::optional<Known> find_toys(const JournalState& all, const std::string& wanted) {
    const auto is_wanted = [&](const auto& event) {
        return is_toys(event.identity.kind) &&
               (event.name == wanted || is_meant(event.task, wanted));
    };
    for (const auto& [name, task] : all.latest) {
        const TaskCommitted& event = all.committed.at(task);
        if (is_wanted(event)) return known_toys(event, event.flop);
    }
    for (const auto& [task, event] : all.committed) {
        if (is_wanted(event)) return known_toys(event, event.flop);
    }
    for (const auto& [task, event] : all.given_up) {
        if (is_wanted(event)) return known_toys(event, 0.0);
    }
    for (const TaskNoted& note : all.notes) {
        if (note.task != wanted || !is_toys(note.kind)) continue;
        return Known{{}, wanted, 0.0, TaskFileKind::toy_block, {.kind = note.kind, .family = {}}};
    }
    return std::nullopt;
}

Known known(const TrainTask& task) {
    return {task.digest, task.name, task.flop, TaskFileKind::training_result, task.identity};
}

/// A task by its name or that of one of its nets, or by the first digits of its digest.
Known find_task(const PlannedTasks& planned, const JournalState& all, const std::string& wanted) {
    const TaskGraph& graph = planned.graph;
    for (const EnsembleChoice& choice : planned.choices) {
        for (const TrainTask& task : choice.trainings) {
            if (is_meant(task, wanted)) return known(task);
        }
    }
    for (const TrainTask& task : graph.trainings) {
        if (is_meant(task, wanted)) return known(task);
    }
    for (const InferTask& task : graph.inferences) {
        if (is_meant(task, wanted)) {
            const bool scores = task.identity.kind == TaskKind::score;
            return {task.digest, task.name, task.flop,
                    scores ? TaskFileKind::score_block : TaskFileKind::ratio_block, task.identity};
        }
    }
    const auto& chains = planned.unfolding.tasks;
    for (const UnfoldTask& task : chains) {
        if (is_meant(task, wanted)) {
            return {task.digest,   task.name, task.flop, TaskFileKind::unfold_result,
                    task.identity, task.kept};
        }
    }
    if (const auto toys = find_toys(all, wanted)) return *toys;
    if (!chains.empty()) {
        throw ConfigError(fmt::format(
            "there is no task '{}'; give a name such as '{}' or the first digits of a digest",
            wanted, chains.front().name));
    }
    throw ConfigError(fmt::format(
        "there is no task '{}'; give a name such as '{}' or the first digits of a digest. Toys "
        "('toys/mu = 1/0') are known once one of their tasks has ended",
        wanted, graph.trainings.empty() ? "S/member 0" : graph.trainings.front().name));
}

/// Empty unless a farm that works says that it is at this task.
std::string running_text(const std::string& name, const RunDirectory& directory) {
    for (const SeenProgress& seen : farms_at_work(directory)) {
        for (const RunningTask& task : seen.progress.tasks) {
            if (task.name != name) continue;
            return fmt::format("running on rank {}: {:.0f} %, epoch {}, {} ago", task.worker,
                               100.0 * task.progress.fraction, task.progress.epoch,
                               duration_text(seen.age));
        }
    }
    return {};
}

std::string state_text(const Known& task, const RunDirectory& directory, const JournalState& all) {
    if (task.digest == Digest{}) return "begun, not done yet";
    if (task_file_is_complete(directory.result(task.digest), task.kind, task.digest)) {
        return "done";
    }
    const auto given_up = all.given_up.find(task.digest);
    if (given_up != all.given_up.end()) {
        return fmt::format("given up after {} strikes: {}", given_up->second.strikes,
                           given_up->second.reason);
    }
    if (const auto running = running_text(task.name, directory); !running.empty()) return running;
    if (fs::exists(directory.state(task.digest))) return "begun; it goes on from its checkpoint";
    if (all.committed.contains(task.digest)) {
        if (task.kind == TaskFileKind::ratio_block) return "done, and its result is in ratios.h5";
        if (task.kind == TaskFileKind::score_block) {
            return "done, and its result went into the selection";
        }
        if (task.kind == TaskFileKind::unfold_result && !task.kept) {
            return "done, and its result went when all that read it were done";
        }
        return "done once, but its file is missing";
    }
    return "waits";
}

std::string cost_text(const Known& task, const CostModel& costs) {
    const bool toys = is_toys(task.identity.kind);
    const char* unit = toys ? "toys" : "FLOP";
    const auto families = costs.families();
    const auto own = std::ranges::find_if(families, [&](const CostModel::Family& family) {
        return family.kind == task.identity.kind && family.name == task.identity.family;
    });
    if (own == families.end()) return fmt::format("{:.3g} {}", task.cost, unit);
    return fmt::format("{:.3g} {}, about {:.3g} s (learned from {} task{} of its kind)", task.cost,
                       unit, costs.seconds(task.identity, task.cost), own->tasks,
                       own->tasks == 1 ? "" : "s");
}

void print_history(const Known& task, const JournalState& all) {
    for (const TaskNoted& note : all.notes) {
        if (note.task != task.name && note.task != task.digest.hex()) continue;
        show(fmt::format("at {:8.1f} s  rank {}: {}\n", note.at, note.worker, note.text));
    }
    const auto committed = all.committed.find(task.digest);
    if (committed == all.committed.end()) return;
    const TaskCommitted& event = committed->second;
    show(fmt::format("at {:8.1f} s  rank {}: committed by attempt {} after {:.1f} s{}{}\n",
                     event.at, event.worker, event.attempt, event.result.seconds,
                     event.result.resumed ? ", from a checkpoint" : "",
                     event.adopted ? ", adopted from its file" : ""));
    show(fmt::format("result       {} bytes, CRC-32 {:08x}\n", event.result.bytes,
                     event.result.crc));
}

/// What the task of a chain reads, and how its net went.
std::string chain_text(const Known& task,
                       const UnfoldingPlan& plan,
                       const RunDirectory& directory) {
    std::string text;
    const auto own = std::ranges::find(plan.tasks, task.digest, &UnfoldTask::digest);
    if (own == plan.tasks.end()) return text;
    std::vector<std::string> parents;
    for (const Digest& parent : own->after) {
        parents.push_back(std::ranges::find(plan.tasks, parent, &UnfoldTask::digest)->name);
    }
    JournalState lines;
    if (!parents.empty()) lines = read_journals_about(directory, parents);
    for (std::size_t i = 0; i < parents.size(); ++i) {
        text += fmt::format("reads        {}, which is {}\n", parents[i],
                            lines.committed.contains(own->after[i]) ? "done" : "not done yet");
    }
    if (!task_file_is_complete(directory.result(task.digest), task.kind, task.digest)) return text;
    const auto result = read_task_file<UnfoldResult>(directory.result(task.digest), task.digest);
    const Normalisation& made = result.made;
    if (own->request.pretraining) {
        return text + fmt::format("net          attempt {}, {} epochs\n", result.attempt + 1,
                                  result.net.epochs);
    }
    return text + fmt::format(
                      "net          attempt {}, {} epochs; its ratio averaged to {:.4f} before "
                      "that was divided out; {:.2g} % of the weight clipped; {:.4g} effective "
                      "events become {:.4g}\n",
                      result.attempt + 1, result.net.epochs, made.closure,
                      100.0 * made.clipped_share, made.effective_before, made.effective);
}

/// \param words the task, and the campaign if it was named
fs::path run_directory_of(const Arguments& arguments, const std::vector<std::string>& words) {
    if (arguments.has("out")) return arguments.text("out");
    const fs::path campaign = words.size() == 2 ? words[1] : "campaign.toml";
    const bool here = words.size() < 2 && fs::exists("journal.jsonl");
    return here || !fs::exists(campaign) ? fs::path(".")
                                         : fs::path(read_campaign(campaign).name + ".run");
}

ExitCode run_explain(RunContext&, const Arguments& arguments) {
    std::vector<std::string> words = arguments.positional();
    if (words.size() == 2 && words.front().ends_with(".toml")) std::swap(words[0], words[1]);
    const fs::path out = run_directory_of(arguments, words);
    const RunDirectory directory(fs::absolute(out));
    expect_begun(directory);
    const std::string& wanted = words.front();
    JournalState all = read_journals_about(directory, std::array{wanted});
    const PlannedTasks planned =
        planned_tasks(directory, arguments.text("device"), planned_one(all, wanted));
    identify(all, planned);
    identify_toys(all, directory);
    const Known task = find_task(planned, all, wanted);
    // Its own lines, and those of its family, which teach what it costs.
    all = read_journals_about(directory,
                              std::array{task.name, task.digest.hex(), task.identity.family});
    identify(all, planned);
    identify_toys(all, directory);
    const bool has_digest = task.digest != Digest{};
    show(fmt::format("task         {}\n", task.name));
    if (has_digest) show(fmt::format("digest       {}\n", task.digest.hex()));
    show(fmt::format("state        {}\n", state_text(task, directory, all)));
    if (task.cost > 0.0)
        show(fmt::format("cost         {}\n", cost_text(task, learned_costs(all))));
    print_history(task, all);
    if (all.damaged_lines > 0) {
        show(fmt::format("journal      {} damaged lines skipped\n", all.damaged_lines));
    }
    show(chain_text(task, planned.unfolding, directory));
    show(nets_text(task.digest, planned.choices, planned.campaign));
    if (!has_digest) return ExitCode::done;
    for (const fs::path& file : {directory.result(task.digest), directory.state(task.digest)}) {
        if (fs::exists(file)) show(fmt::format("files        {}\n", file.string()));
    }
    return ExitCode::done;
}

}  // namespace

Command explain_command() {
    Command command;
    command.name = "explain";
    command.group = Group::look;
    command.summary = "All that the files of a run know about one task";
    command.examples = {"explain 'S/member 0' campaign.toml"};
    command.positional = {"TASK", "CAMPAIGN.toml"};
    command.required_positional = 1;
    command.options = {
        {"out", "DIR",
         "run directory (default: that of the campaign, or this folder if it is one)"},
        {"device", "WORD", "cpu or cuda: the device that trains the nets", "cpu"}};
    command.run = run_explain;
    return command;
}

}  // namespace ratiofarm
