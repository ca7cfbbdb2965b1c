#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/protocol/trained_net.hpp"

#include "campaign/search/search_plan.hpp"
#include "campaign/search/search_sigma.hpp"
#include "farm/task.hpp"
#include "pipeline/planned_campaign.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Objectives of what all nets of a trial give together, judges_together(): the nets are evaluated
/// on validation events, as tasks of the farm. Logits are calibrated as their nets are.
class EnsembleJudge {
public:
    /// \param planned outlives this
    /// \throws DataError of process_rates()
    EnsembleJudge(const PlannedCampaign& planned, RunDirectory directory);

    /// Evaluations of the nets of a trial that are not done yet. \param trainings  by searched
    /// process, then member, done
    std::vector<Task> tasks(std::span<const TrainTask> trainings) const;

    /// Of the mean ratio of each process. Nothing while an evaluation is missing.
    /// \param objective  judges_together()
    /// \param nets  by searched process, then member, none of them failed
    std::optional<double> value(SearchObjective objective,
                                std::span<const TrainTask> trainings,
                                std::span<const TrainedNet* const> nets) const;

    /// Removes the results of the evaluations.
    void remove_results(std::span<const TrainTask> trainings) const;

private:
    /// The validation events of a process.
    struct Sample {
        const SampleInfo* info;
        std::vector<bool> is_used;        ///< [events of the evaluation]
        std::vector<std::uint64_t> rows;  ///< of those that are used
        std::vector<double> weight;       ///< [rows]
    };
    /// How much a process is of the numerator and of the denominator of a ratio.
    struct Share {
        std::size_t process;
        double numerator;
        double denominator;
    };
    /// The members that learned one ratio.
    struct Members {
        std::span<const TrainTask> trainings;
        std::span<const TrainedNet* const> nets;
    };

    std::vector<Share> shares_of(std::size_t searched) const;
    std::vector<std::size_t> needed(std::size_t searched) const;
    Digest digest(const TrainTask& training, const Sample& sample) const;
    Task task(const TrainTask& training, const Sample& sample) const;
    std::optional<std::vector<float>> mean_on(const Sample& sample, const Members& members) const;
    std::optional<double> likelihood(SearchObjective objective,
                                     std::span<const Members> ratios) const;
    std::optional<double> quality(SearchObjective objective,
                                  std::size_t searched,
                                  const Members& members) const;

    const Campaign& campaign_;
    RunDirectory directory_;
    std::vector<std::size_t> searched_;  ///< processes of the campaign
    std::vector<ProcessRate> rates_;     ///< if an objective is of the likelihood
    std::vector<Sample> samples_;        ///< by process
};

}  // namespace ratiofarm
