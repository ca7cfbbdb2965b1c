#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/trained_net.hpp"

#include "campaign/search/search_plan.hpp"
#include "campaign/search/search_sigma.hpp"
#include "farm/task.hpp"
#include "pipeline/planned_campaign.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// search.objective = "sigma" or "coverage": the nets of a trial are evaluated on the validation
/// events of every process, as tasks of the farm.
class LikelihoodJudge {
public:
    /// \param planned outlives this
    /// \throws DataError of process_rates()
    LikelihoodJudge(const PlannedCampaign& planned, RunDirectory directory);

    /// Evaluations of the nets of a trial that are not done yet. \param trainings  by process, then
    /// member, done
    std::vector<Task> tasks(std::span<const TrainTask> trainings) const;

    /// Of the mean ratios of each process. Nothing while an evaluation is missing.
    /// \param nets  by process, then member, none of them failed
    std::optional<double> value(SearchObjective objective,
                                std::span<const TrainTask> trainings,
                                std::span<const TrainedNet* const> nets) const;

    /// Removes the results of the evaluations.
    void remove_results(std::span<const TrainTask> trainings) const;

private:
    struct Sample {
        const SampleInfo* info;
        std::vector<double> weight;  ///< of its validation events
    };

    Digest digest(const TrainTask& training, const Sample& sample) const;

    RunDirectory directory_;
    std::vector<ProcessRate> rates_;
    std::vector<Sample> samples_;  ///< by process
};

}  // namespace ratiofarm
