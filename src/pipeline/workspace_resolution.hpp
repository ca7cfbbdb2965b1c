#pragma once

#include "workspace.hpp"

/// What makes a workspace's campaign the plain one that is trained and fitted.
namespace ratiofarm {

/// What becomes of selected events that cannot be read.
enum class IfDamaged {
    make_again,  ///< the selection counts as missing
    refuse,
};

/// Rank 0. From `written`, `source` and the files of the run directory: campaign, samples, graph.
/// While the selection is missing the graph is that of the preselection, or empty.
/// \throws DataError, ConfigError of the campaign's regions and events
void apply_resolution(Workspace& workspace, const Log& log, IfDamaged if_damaged);

/// Collective over the context's world, by a stage that made what was missing: the workspace goes
/// on with it. \throws AgreedError if the same is still missing, or if nets would change without
/// --accept-change
void resolve_workspace(RunContext& context, Workspace& workspace);

/// Rank 0. The samples of selected.h5 that the plain campaign reads.
std::vector<SampleInfo> read_selected(const Workspace& workspace);

/// Rank 0. \throws ConfigError if the run directory holds nets of another campaign and the user did
/// not say that they shall be trained again
void compare_with_history(const Workspace& workspace, const Log& log);

/// Rank 0. Notes in the journal that a farm begins, and at what.
void begin_farm(Workspace& workspace, std::uint64_t ranks);

/// Collective over world. Makes the values of all ranks those of rank 0.
void share(const mpi::Communicator& world, Workspace& workspace);

}  // namespace ratiofarm
