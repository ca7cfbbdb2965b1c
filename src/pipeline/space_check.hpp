#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stages.hpp"

namespace ratiofarm {

/// What stages will still write into a run directory.
struct SpaceNeeds {
    struct Part {
        std::string what;
        std::uint64_t bytes = 0;
    };
    std::vector<Part> parts;   ///< will exist together at some moment, whatever happens
    std::uint64_t margin = 0;  ///< further bytes: checkpoints, loss curves, blocks of the disk
    std::uint64_t files = 0;   ///< that will exist together

    std::uint64_t certain() const;  ///< bytes of all parts
};

/// From the task graph and the existing files. Other shards are not counted.
/// \param ranks trainers that run at the same time, each with its checkpoints
SpaceNeeds space_needs(const PlannedCampaign& planned,
                       const RunPlace& place,
                       const std::vector<Stage>& stages,
                       std::uint64_t ranks);

/// Collective over the context's world, at the start of a farm: warns where the file system of the
/// run directory is tight for everything that is still to come, refuses where it is certain to be
/// too small. Quotas that the file system does not show are met later, in order (exit code 75).
/// \throws AgreedError (exit code 2) naming what is needed, what is free and what to try, unless
///         the place says to ignore it
void check_space(RunContext& context,
                 const PlannedCampaign& planned,
                 const RunPlace& place,
                 const std::vector<Stage>& stages);

}  // namespace ratiofarm
