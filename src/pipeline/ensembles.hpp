#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "campaign/ensemble_choice.hpp"
#include "protocol/task_file.hpp"
#include "store/run_directory.hpp"

#include "planned_campaign.hpp"
#include "run_context.hpp"

namespace ratiofarm {

/// Results of the trainings of a run directory, each read once, kept without the weights.
class TrainedResults {
public:
    /// \param curves  whether loss curves and calibrations are kept
    enum class Curves { kept, dropped };
    TrainedResults(RunDirectory directory, Curves curves)
        : directory_(std::move(directory)), curves_(curves) {}

    /// Null if there is no result or its file is damaged.
    std::shared_ptr<const TrainingResult> find(const Digest& task);

    bool has_read(const Digest& task) const { return known_.contains(task); }

    /// Existing files that could not be read, since the last call: whoever takes them removes
    /// them, once, for a new result may have their name soon.
    std::vector<Digest> take_damaged() { return std::exchange(damaged_, {}); }

private:
    RunDirectory directory_;
    Curves curves_;
    std::unordered_map<Digest, std::shared_ptr<const TrainingResult>> known_;
    std::vector<Digest> damaged_;
};

/// Whether the file of an ensemble exists, is sound and is of these trainings.
bool is_gathered(const Campaign& campaign,
                 const RunDirectory& directory,
                 const PlannedEnsemble& wanted);

/// \throws DataError naming nets that are missing: they are not trained
void expect_complete(const std::vector<EnsembleChoice>& choices);

/// The ensembles of a plan as far as the results in a run directory go.
class Ensembles {
public:
    using Curves = TrainedResults::Curves;
    /// \param inputs, graph  outlive this, the word of the device need not
    Ensembles(const GraphInputs& inputs,
              const TaskGraph& graph,
              const RunDirectory& directory,
              Curves curves = Curves::dropped);
    Ensembles(const PlannedCampaign& planned,
              const RunPlace& place,
              Curves curves = Curves::dropped);

    /// All of them, in the order of the graph, now. Results that were read before are remembered.
    std::vector<EnsembleChoice> choices();

    /// As TrainedResults::take_damaged().
    std::vector<Digest> take_damaged() { return results_.take_damaged(); }

    /// Whether choices() has read the result of the task.
    bool has_read(const Digest& task) const { return results_.has_read(task); }

private:
    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    std::string device_;
    const TaskGraph& graph_;
    TrainedResults results_;
};

}  // namespace ratiofarm
