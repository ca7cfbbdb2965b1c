#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "campaign/ensemble_choice.hpp"
#include "farm/task.hpp"

#include "ensembles.hpp"

namespace ratiofarm {

/// What the train stage does next, on rank 0: first the planned trainings; when those of an
/// ensemble are done the gates are applied to its nets, and replacements, further members and nets
/// that begin as its nets follow. Everything is derived from the results on disk.
class TrainingRounds {
public:
    /// \param planned, place  outlive this
    TrainingRounds(const PlannedCampaign& planned, const RunPlace& place, const Log& log);

    /// Trainings of this farm's shard that were not offered before, in a job that joined others all
    /// without a result; none when nothing more can be done. Some may be done already. Results that
    /// are damaged are removed and trained again, once. The tasks make their payloads from
    /// choices(): they end before the next call.
    std::vector<Task> next();

    /// All trainings of choices().
    std::vector<Task> all() const;

    /// As of the last next().
    const std::vector<EnsembleChoice>& choices() const { return choices_; }

private:
    void tell_exclusions();
    bool is_offered(const Digest& training);
    Task task_of(const TrainTask& training) const;
    std::vector<std::byte> request_frame(const TrainTask& training, std::uint64_t attempt) const;

    const RunPlace& place_;
    Log log_;
    Ensembles ensembles_;
    std::vector<EnsembleChoice> choices_;
    std::unordered_set<Digest> offered_;
    std::unordered_set<Digest> damaged_;   ///< results that were removed
    std::unordered_set<Digest> hopeless_;  ///< removed a second time
    std::set<std::string> told_;           ///< exclusions that the log has
};

}  // namespace ratiofarm
