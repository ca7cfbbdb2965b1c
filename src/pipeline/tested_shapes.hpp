#pragma once

#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/protocol/shape_significance.hpp"

#include "campaign/ensemble_choice.hpp"

#include "planned_campaign.hpp"
#include "run_context.hpp"

namespace ratiofarm {

/// Significance of a trained shape, for people.
struct TestedShape {
    std::string process;
    std::string parameter;
    double yield = 0.0;  ///< expected events of the process at coefficient 1
    ShapeSignificance significance;
};

/// Significances of all trained shapes, with their names, in the order of the ratio file's columns.
std::vector<TestedShape> tested_shapes(const PlannedCampaign& planned,
                                       std::span<const EnsembleChoice> choices);

/// Collective over comm: the significances for the ratio file, from the results that rank 0 reads.
/// Empty if the campaign trains no shapes.
std::vector<ShapeSignificance> shape_significances(const mpi::Communicator& comm,
                                                   const PlannedCampaign& planned,
                                                   const RunPlace& place);

/// One line per shape that is not significant.
void log_insignificant_shapes(std::span<const TestedShape> shapes, const Log& log);

}  // namespace ratiofarm
