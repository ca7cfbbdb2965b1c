#pragma once

#include "planned_campaign.hpp"
#include "root_books.hpp"
#include "run_context.hpp"

/// What makes a written campaign the plain one that is trained and fitted.
namespace ratiofarm {

/// What happens to a selection or search that cannot be read.
enum class IfDamaged {
    make_again,  ///< it counts as missing, and its record is set aside
    refuse,
};

/// Rank 0. From `written`, `source` and the files of the run directory: campaign, samples, graph;
/// and what the selection is made from.
/// While the selection is missing the graph is that of the preselection, or empty.
/// \throws DataError, ConfigError of the campaign's regions and events
void plan_plain_campaign(PlannedCampaign& planned,
                         const RunPlace& place,
                         RootBooks& books,
                         const Log& log,
                         IfDamaged if_damaged);

/// Rank 0, for who only looks: the graph, and the device whose trainings have most results. None
/// where events are missing or no net can learn what the campaign asks for.
void plan_to_look(PlannedCampaign& planned, RunPlace& place);

/// Collective over the context's world. Plans with what other jobs may have made since. \throws
/// AgreedError if nets would change without --accept-change
void look_again(RunContext& context,
                PlannedCampaign& planned,
                const RunPlace& place,
                RootBooks& books,
                IfDamaged if_damaged);

/// Collective over the context's world, by a stage that made what was missing: the campaign goes
/// on with it. \throws AgreedError if the same is still missing, or if nets would change without
/// --accept-change
void plan_again(RunContext& context,
                PlannedCampaign& planned,
                const RunPlace& place,
                RootBooks& books);

/// Rank 0. The samples of selected.h5 that the plain campaign reads.
std::vector<SampleInfo> read_selected(const Campaign& campaign);

/// Trainings without a result of which another one was done: under the same name, or of the same
/// ensemble with another number of folds.
std::uint64_t count_changed(const TaskGraph& graph,
                            const JournalState& history,
                            const RunDirectory& directory);

/// Rank 0. \throws ConfigError if the run directory holds nets of another campaign and the user did
/// not ask to train them again
void compare_with_history(const PlannedCampaign& planned,
                          const RunPlace& place,
                          const RootBooks& books,
                          const Log& log);

/// What differs from the campaign of the run directory, one a line; empty if there is none.
std::string differences_from_run(const PlannedCampaign& planned, const RunPlace& place);

/// Rank 0. The journal's line of a farm that begins.
FarmStarted farm_started(const PlannedCampaign& planned,
                         const RunPlace& place,
                         const RootBooks& books,
                         std::uint64_t ranks);

/// Collective over world. Directory, device and job of rank 0 on all ranks.
void share_place(const mpi::Communicator& world, RunPlace& place);

/// Collective over world. The campaign of rank 0 on all ranks, with its events and tasks.
void share_campaign(const mpi::Communicator& world,
                    PlannedCampaign& planned,
                    const RunPlace& place);

}  // namespace ratiofarm
