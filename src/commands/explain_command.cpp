#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/protocol/task_file.hpp"

#include "campaign/ensemble_choice.hpp"
#include "campaign/preselection_graph.hpp"
#include "pipeline/campaign_resolution.hpp"
#include "pipeline/ensembles.hpp"
#include "pipeline/workspace.hpp"
#include "scheduler/cost_model.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"
#include "net_text.hpp"
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
};

/// Trainings and evaluations of the campaign; none where the fit begins with ratios.
struct Planned {
    Campaign campaign;
    TaskGraph graph;
    std::vector<EnsembleChoice> choices;
};

bool is_meant(const std::string& wanted, const std::string& name, const Digest& digest) {
    return name == wanted || (!wanted.empty() && digest.hex().starts_with(wanted));
}

/// Toys are in no campaign: what they were is in the journal.
std::optional<Known> find_toys(const JournalState& all, const std::string& wanted) {
    for (const auto& [name, task] : all.latest) {
        if (!is_toys(name) || !is_meant(wanted, name, task)) continue;
        return Known{task, name, all.committed.at(task).flop, TaskFileKind::toy_block};
    }
    for (const auto& [task, event] : all.committed) {
        if (!is_toys(event.name) || !is_meant(wanted, event.name, task)) continue;
        return Known{task, event.name, event.flop, TaskFileKind::toy_block};
    }
    for (const auto& [task, event] : all.given_up) {
        if (!is_toys(event.name) || !is_meant(wanted, event.name, task)) continue;
        return Known{task, event.name, 0.0, TaskFileKind::toy_block};
    }
    const bool noted =
        is_toys(wanted) && std::any_of(all.notes.begin(), all.notes.end(),
                                       [&](const TaskNoted& note) { return note.task == wanted; });
    if (noted) return Known{{}, wanted, 0.0, TaskFileKind::toy_block};
    return std::nullopt;
}

Known known(const TrainTask& task) {
    return {task.digest, task.name, task.flop, TaskFileKind::training_result};
}

/// A task by its name or that of one of its nets, or by the first digits of its digest.
Known find_task(const Planned& planned, const JournalState& all, const std::string& wanted) {
    const TaskGraph& graph = planned.graph;
    const auto is_wanted = [&](const TrainTask& task) {
        return is_meant(wanted, task.name, task.digest) ||
               std::any_of(task.nets.begin(), task.nets.end(),
                           [&](const PlannedNet& net) { return net.name == wanted; });
    };
    for (const EnsembleChoice& choice : planned.choices) {
        for (const TrainTask& task : choice.trainings) {
            if (is_wanted(task)) return known(task);
        }
    }
    for (const TrainTask& task : graph.trainings) {
        if (is_wanted(task)) return known(task);
    }
    for (const InferTask& task : graph.inferences) {
        if (is_meant(wanted, task.name, task.digest)) {
            const bool scores = task.ensemble == preselection_ensemble;
            return {task.digest, task.name, task.flop,
                    scores ? TaskFileKind::score_block : TaskFileKind::ratio_block};
        }
    }
    if (const auto toys = find_toys(all, wanted)) return *toys;
    throw ConfigError(fmt::format(
        "there is no task '{}'; give a name such as '{}' or the first digits of a digest. Toys "
        "('toys/mu = 1/0') are known once one of their tasks has ended",
        wanted, graph.trainings.empty() ? "S/member 0" : graph.trainings.front().name));
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
    if (fs::exists(directory.state(task.digest))) return "begun; it goes on from its checkpoint";
    if (all.committed.contains(task.digest)) {
        if (task.kind == TaskFileKind::ratio_block) return "done, and its result is in ratios.h5";
        if (task.kind == TaskFileKind::score_block) {
            return "done, and its result went into the selection";
        }
        return "done once, but its file is missing";
    }
    return "waits";
}

std::string cost_text(const Known& task, const CostModel& costs) {
    const bool toys = is_toys(task.name);
    const std::uint64_t from = toys ? costs.toy_tasks() : costs.tasks();
    if (from == 0) return fmt::format("{:.3g} {}", task.cost, toys ? "toys" : "FLOP");
    return fmt::format("{:.3g} {}, about {:.3g} s (learned from {} tasks)", task.cost,
                       toys ? "toys" : "FLOP", costs.seconds(task.name, task.cost), from);
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
               event.adopted ? ", adopted from its file" : "");
    fmt::print("result       {} bytes, CRC-32 {:08x}\n", event.bytes, event.crc);
}

void add_tasks(const GraphInputs& inputs,
               const TaskGraph& graph,
               const RunDirectory& directory,
               Planned& planned) {
    const auto choices = Ensembles(inputs, graph, directory).choices();
    planned.choices.insert(planned.choices.end(), choices.begin(), choices.end());
    const auto append = [](auto& all, const auto& more) {
        all.insert(all.end(), more.begin(), more.end());
    };
    append(planned.graph.ensembles, graph.ensembles);
    append(planned.graph.trainings, graph.trainings);
    append(planned.graph.inferences, graph.inferences);
}

Planned planned_tasks(const RunDirectory& directory, const std::string& device) {
    Planned planned;
    if (!fs::exists(directory.campaign())) return planned;
    const Campaign written = written_campaign(directory);
    if (written.preselection && needs_selection(written)) {
        const SourceEvents source = read_source_events(written, directory.root());
        const GraphInputs inputs{written, source.samples, device};
        add_tasks(inputs, make_preselection_graph(inputs), directory, planned);
    }
    const Resolution resolution = resolve(written, directory, std::nullopt);
    planned.campaign = resolution.campaign;
    if (!planned.campaign.has_events() || resolution.missing != Missing::nothing) return planned;
    const auto samples = read_campaign_samples(planned.campaign, directory.root().string());
    const GraphInputs inputs{planned.campaign, samples, device};
    add_tasks(inputs, make_task_graph(planned.campaign, samples, device), directory, planned);
    return planned;
}

ExitCode run_explain(RunContext&, const Arguments& arguments) {
    const fs::path out = arguments.text("out");
    const RunDirectory directory(fs::absolute(out));
    if (!fs::exists(directory.campaign()) && !fs::exists(directory.journal())) {
        throw DataError(
            fmt::format("'{}' is not a run directory (it has neither campaign.toml nor a journal); "
                        "name one with --out",
                        out.string()));
    }
    const JournalState all = read_journals(directory);
    const Planned planned = planned_tasks(directory, arguments.text("device"));
    const Known task = find_task(planned, all, arguments.positional().front());
    const bool has_digest = task.digest != Digest{};
    fmt::print("task         {}\n", task.name);
    if (has_digest) fmt::print("digest       {}\n", task.digest.hex());
    fmt::print("state        {}\n", state_text(task, directory, all));
    if (task.cost > 0.0) fmt::print("cost         {}\n", cost_text(task, learned_costs(all)));
    print_history(task, all);
    fmt::print("{}", nets_text(task.digest, planned.choices, planned.campaign.gates));
    if (has_digest) fmt::print("files        {}\n", directory.result(task.digest).string());
    return ExitCode::done;
}

}  // namespace

Command explain_command() {
    Command command;
    command.name = "explain";
    command.summary = "Tells everything that the files of a run know about one task.";
    command.positional = {"TASK"};
    command.required_positional = 1;
    command.options = {{"out", "DIR", "run directory", "."},
                       {"device", "WORD", "cpu or cuda: the device that trains the nets", "cpu"}};
    command.run = run_explain;
    return command;
}

}  // namespace ratiofarm
