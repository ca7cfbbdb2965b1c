#pragma once

#include <map>
#include <string>

#include "ratiofarm/tables/ensemble_file.hpp"
#include "tables/ratios/ratio_writer.hpp"

#include "workspace.hpp"

/// How the results of the inference tasks become a ratio file.
namespace ratiofarm {

/// Ensemble files of a run by name, each opened once.
class EnsembleFiles {
public:
    explicit EnsembleFiles(const Workspace& workspace) : workspace_(workspace) {}

    /// \throws DataError if it is missing or belongs to other trainings
    const EnsembleFile& find(const std::string& name);

private:
    const Workspace& workspace_;
    std::map<std::string, EnsembleFile> files_;
};

/// Header and event sets.
/// \param inputs      ratios_digest()
/// \param judgements  of the trained shapes
RatioInput ratio_input(const Workspace& workspace,
                       const Digest& inputs,
                       std::vector<ShapeJudgement> judgements);

/// Reads the result files of the inference tasks. \param workspace, input outlive it
RatioProvider block_provider(const Workspace& workspace, const RatioInput& input);

/// The ratios of single nets by their number within their fold: for each event those of its own
/// fold; for events that are in no fold, because they trained no net, the mean over the folds.
/// \param members  [nets, events] ln r, NaN where a net is not of the event's fold
/// \param fold     [nets], in any order; empty without folds: nothing changes
/// \return [nets of a fold, events]
std::vector<float> by_member(std::vector<float> members, std::span<const std::uint32_t> fold);

}  // namespace ratiofarm
