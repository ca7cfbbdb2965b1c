#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"
#include "ensemble_spec.hpp"
#include "task_graph.hpp"

namespace ratiofarm {

/// Cuts ensembles into trainings. Ensembles that others begin as come first.
class TrainingPlanner {
public:
    /// \param role  of its ensembles; decides their features
    /// \throws DataError if a sample, a column of weights or a feature is missing
    explicit TrainingPlanner(const GraphInputs& inputs, EnsembleRole role = EnsembleRole::nominal);

    /// Trainings of some members of every fold of an ensemble, by fold, then member.
    std::vector<TrainTask> trainings(const EnsembleSpec& ensemble, Range members);

    /// The training of one net instead of a planned one.
    TrainTask replacement(const EnsembleSpec& ensemble,
                          const PlannedNet& net,
                          std::uint32_t attempt);

private:
    /// What the trainings of one ensemble and fold share.
    struct Common {
        std::shared_ptr<const TrainRequest> request;
        std::vector<std::byte> digest_prefix;
        double events = 0.0;  ///< that a net trains on
    };

    std::uint32_t pack(const EnsembleSpec& ensemble) const;
    Common common_of(const EnsembleSpec& ensemble, std::uint32_t fold) const;
    TrainTask task_for(const EnsembleSpec& ensemble, const Common& common) const;
    void add_net(const EnsembleSpec& ensemble,
                 std::uint32_t member,
                 const std::string& seeds,
                 TrainTask& task);
    void finish(const Common& common, TrainTask& task) const;
    const std::vector<PlannedNet>& nets_to_begin_as(const std::string& ensemble);

    GraphInputs inputs_;
    std::map<std::string, std::vector<PlannedNet>, std::less<>> first_nets_;  ///< by ensemble
};

/// Features as columns of a sample's matrix.
/// \throws DataError with the nearest name if the sample lacks one
std::vector<std::uint32_t> feature_columns(const std::vector<std::string>& features,
                                           const SampleInfo& sample);

/// The spec of an ensemble by its name.
/// \throws DataError with the nearest name if there is none
const EnsembleSpec& find_ensemble(const std::vector<EnsembleSpec>& specs, std::string_view name);

/// The only ensemble of a preselection; names its file and its tasks. No process may have the name.
inline constexpr std::string_view preselection_ensemble = "preselection";

/// What its nets learn: the classes of [preselection] in their order. The samples of the processes
/// of a class have shares of it as their yields; a sample of several processes is one part.
/// \pre campaign.preselection, every class with a process
/// \throws DataError if a sample is missing
EnsembleSpec preselection_spec(const Campaign& campaign, const std::vector<SampleInfo>& samples);

/// Only the tasks of the preselection, for the stages that work on a graph (train, gather): its
/// nets, with network and options of [preselection], and their evaluation on every sample that the
/// campaign reads, nominal, varied and data. Results of the inferences are ScoreBlocks of all rows
/// of their range, whatever the split says: with folds an event of a simulated sample is judged by
/// the nets that did not see it, one of the data sample by all.
/// \pre as preselection_spec()
/// \throws DataError if a sample or a feature is missing
TaskGraph make_preselection_graph(const GraphInputs& inputs);

}  // namespace ratiofarm
