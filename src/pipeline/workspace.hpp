#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "own_directory.hpp"
#include "planned_campaign.hpp"
#include "root_books.hpp"
#include "run_context.hpp"

namespace ratiofarm {

struct FitSource;

/// A campaign and its run directory, ready to be worked on. Stages are given the parts they need.
struct Workspace {
    PlannedCampaign planned;
    RunPlace place;
    RootBooks books;
};

/// What fits are made from; the workspace outlives it.
FitSource fit_source(const Workspace& workspace);

/// Where a command finds its campaign and its results.
struct Places {
    std::filesystem::path campaign;
    std::filesystem::path out;  ///< empty: "<campaign name>.run" here
};

/// How much of its inputs a command needs.
enum class Needs {
    events,     ///< campaign, events and task graph
    selection,  ///< like events, for a command that makes the selection or the search: then the
                ///< graph is that of its tasks
    campaign,   ///< only the campaign; events are described if their file can be read
    look,       ///< like campaign, of a run that was begun, beside a farm that works: no lock is
                ///< taken, no journal written; what is missing or not the campaign's is left out.
                ///< With the graph, as far as events and selection go
};

/// What a command asks for when it opens a workspace.
struct WorkspaceRequest {
    Places places;
    Needs needs = Needs::events;
    std::string device = "auto";                 ///< or cpu, or cuda
    bool accept_change = false;                  ///< train nets again whose campaign has changed
    std::optional<Product> fresh = {};           ///< remove this first, and what is made of it
    bool remove_nets = false;                    ///< trained nets may go as well
    std::filesystem::path ratios = {};           ///< empty: those of the run directory
    std::optional<std::string> unblinding = {};  ///< why the data may be looked at
    FarmSettings farm = {};
};

/// Collective over the context's world. Reads and checks everything, takes the lock, compares with
/// what the run directory already holds.
/// \throws AgreedError on all ranks: mistakes in campaign or events, a living lock, results of
///         another campaign without --accept-change or --fresh; a selection that is missing, unless
///         the command makes it; a folder with files of this name that is no run directory
Workspace open_workspace(RunContext& context, const WorkspaceRequest& request);

}  // namespace ratiofarm
