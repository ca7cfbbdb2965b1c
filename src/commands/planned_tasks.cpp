#include "planned_tasks.hpp"

#include <filesystem>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "campaign/search/search_plan.hpp"
#include "campaign/training_planner.hpp"
#include "pipeline/ensembles.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/searched_campaign.hpp"
#include "pipeline/task_identities.hpp"

#include "campaign_samples.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

void add_tasks(const GraphInputs& inputs,
               const TaskGraph& graph,
               const RunDirectory& directory,
               PlannedTasks& planned) {
    const auto choices = Ensembles(inputs, graph, directory).choices();
    planned.choices.insert(planned.choices.end(), choices.begin(), choices.end());
    const auto append = [](auto& all, const auto& more) {
        all.insert(all.end(), more.begin(), more.end());
    };
    append(planned.graph.ensembles, graph.ensembles);
    append(planned.graph.trainings, graph.trainings);
    append(planned.graph.inferences, graph.inferences);
}

}  // namespace

PlannedTasks planned_tasks(const RunDirectory& directory, const std::string& device) {
    PlannedTasks planned;
    if (!fs::exists(directory.campaign())) return planned;
    const Campaign written = written_campaign(directory);
    if (written.preselection && needs_selection(written)) {
        const SourceEvents source = read_source_events(written, directory.root());
        const GraphInputs inputs{written, source.samples, device};
        add_tasks(inputs, make_preselection_graph(inputs), directory, planned);
    }
    const FoundCampaign found = find_plain_campaign(written, directory, std::nullopt);
    planned.campaign = found.campaign;
    if (!planned.campaign.has_events() || found.missing != Unresolved::nothing) return planned;
    const auto samples = read_campaign_samples(planned.campaign, directory.root().string());
    const GraphInputs inputs{planned.campaign, samples, device};
    if (planned.campaign.search) {
        planned.trials = make_search_plan(inputs).tasks;
        // From here on `inputs` is of the campaign with the best setting.
        if (auto searched = searched_campaign(inputs, directory)) {
            planned.campaign = std::move(*searched);
        }
    }
    add_tasks(inputs, make_task_graph(planned.campaign, samples, device), directory, planned);
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
