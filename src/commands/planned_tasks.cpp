#include "planned_tasks.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "campaign/search/search_plan.hpp"
#include "campaign/training_planner.hpp"
#include "pipeline/ensembles.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/search/searched_campaign.hpp"
#include "pipeline/task_identities.hpp"

#include "campaign_samples.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// The part of a graph that decides what becomes of one task; all of it if it has no such training.
TaskGraph around(const TaskGraph& graph, const std::string& wanted) {
    std::string ensemble;
    for (const InferTask& task : graph.inferences) {
        if (is_meant(task, wanted)) return {};
    }
    for (const TrainTask& task : graph.trainings) {
        if (!is_meant(task, wanted)) continue;
        ensemble = task.ensemble;
        break;
    }
    if (ensemble.empty()) return graph;
    TaskGraph part;
    for (std::size_t i = graph.ensembles.size();
         i-- > 0;) {  // those that others begin as are first
        const PlannedEnsemble& one = graph.ensembles[i];
        if (one.spec.name != ensemble) continue;
        ensemble = one.spec.warm_start;
        part.ensembles.insert(part.ensembles.begin(), one);
    }
    for (const TrainTask& task : graph.trainings) {
        const auto is_own = [&](const PlannedEnsemble& one) {
            return one.spec.name == task.ensemble;
        };
        if (std::ranges::any_of(part.ensembles, is_own)) part.trainings.push_back(task);
    }
    return part;
}

void add_tasks(const GraphInputs& inputs,
               TaskGraph graph,
               const RunDirectory& directory,
               const std::string& wanted,
               PlannedTasks& planned) {
    const TaskGraph part = around(graph, wanted);
    const auto append = [](auto& all, auto more) {
        std::ranges::move(more, std::back_inserter(all));
    };
    append(planned.choices, Ensembles(inputs, part, directory).choices());
    append(planned.graph.ensembles, std::move(graph.ensembles));
    append(planned.graph.trainings, std::move(graph.trainings));
    append(planned.graph.inferences, std::move(graph.inferences));
}

}  // namespace

bool is_meant(const Digest& task, const std::string& wanted) {
    const bool is_hex = wanted.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_hex && !wanted.empty() && task.hex().starts_with(wanted);
}

bool is_meant(const TrainTask& task, const std::string& wanted) {
    return task.name == wanted || is_meant(task.digest, wanted) ||
           std::ranges::any_of(task.nets,
                               [&](const PlannedNet& net) { return net.name == wanted; });
}

bool is_meant(const InferTask& task, const std::string& wanted) {
    return task.name == wanted || is_meant(task.digest, wanted);
}

bool is_meant(const UnfoldTask& task, const std::string& wanted) {
    return task.name == wanted || is_meant(task.digest, wanted);
}

PlannedTasks planned_tasks(const RunDirectory& directory,
                           const std::string& device,
                           const std::string& wanted) {
    PlannedTasks planned;
    if (!fs::exists(directory.campaign())) return planned;
    const Campaign written = written_campaign(directory);
    if (written.preselection && needs_selection(written)) {
        const SourceEvents source = read_source_events(written, written.events_path());
        const GraphInputs inputs{written, source.samples, device};
        add_tasks(inputs, make_preselection_graph(inputs), directory, wanted, planned);
    }
    const FoundCampaign found = find_plain_campaign(written, directory, std::nullopt);
    planned.campaign = found.campaign;
    if (!planned.campaign.has_events() || found.missing != Unresolved::nothing) return planned;
    const auto samples = read_campaign_samples(planned.campaign);
    const GraphInputs inputs{planned.campaign, samples, device};
    if (planned.campaign.unfolding) {
        planned.unfolding = make_unfolding_plan(inputs);
        return planned;
    }
    planned.is_complete = !planned.campaign.search;
    if (planned.campaign.search) {
        planned.trials = known_trials(inputs, directory);
        // From here on `inputs` is of the campaign with the best setting.
        if (auto searched = searched_campaign(inputs, directory)) {
            planned.campaign = std::move(*searched);
        }
    }
    add_tasks(inputs, make_task_graph(planned.campaign, samples, device), directory, wanted,
              planned);
    return planned;
}

void identify(JournalState& history, const PlannedTasks& planned) {
    identify(history, planned.graph);
    const auto tell = [&](const std::vector<TrainTask>& tasks) {
        for (const TrainTask& task : tasks) identify(history, task.digest, task.identity);
    };
    for (const EnsembleChoice& choice : planned.choices) tell(choice.trainings);
    tell(planned.trials);
}

void identify_old_lines(JournalState& history, const RunDirectory& directory) {
    for (const char* device : {"cpu", "cuda"}) {
        if (!has_unknown_tasks(history)) return;
        try {
            identify(history, planned_tasks(directory, device));
        } catch (const Error&) {
            break;  // without the events nobody knows the digests
        }
    }
    identify_toys(history, directory);
}

}  // namespace ratiofarm
