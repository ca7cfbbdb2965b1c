#pragma once

#include <map>
#include <string>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "store/run_directory.hpp"
#include "tables/ratios/ratio_writer.hpp"

#include "planned_campaign.hpp"

/// How the results of the inference tasks become a ratio file.
namespace ratiofarm {

/// Ensemble files of a run by name, each opened once.
class EnsembleFiles {
public:
    /// \param graph, directory  outlive this
    EnsembleFiles(const TaskGraph& graph, const RunDirectory& directory)
        : graph_(graph), directory_(directory) {}

    /// \throws DataError if it is missing or belongs to other trainings
    const EnsembleFile& find(const std::string& name);

private:
    const TaskGraph& graph_;
    const RunDirectory& directory_;
    std::map<std::string, EnsembleFile> files_;
};

/// Header and event sets.
/// \param inputs      ratios_digest()
/// \param significances  of the trained shapes
RatioInput ratio_input(const PlannedCampaign& planned,
                       const RunDirectory& directory,
                       const Digest& inputs,
                       std::vector<ShapeSignificance> significances);

/// Reads the result files of the inference tasks. All that it is given outlives it.
RatioProvider block_provider(const PlannedCampaign& planned,
                             const RunDirectory& directory,
                             const RatioInput& input);

/// The ratios of single nets by their number within their fold: for each event those of its own
/// fold; for events that are in no fold, because they trained no net, the mean over the folds.
/// \param members  [nets, events] ln r, NaN where a net is not of the event's fold
/// \param fold     [nets], in any order; empty without folds: nothing changes
/// \return [nets of a fold, events]
std::vector<float> by_member(std::vector<float> members, std::span<const std::uint32_t> fold);

}  // namespace ratiofarm
