#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/task_graph.hpp"
#include "measurement/fit_input.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"
#include "store/run_directory.hpp"
#include "workers/placement.hpp"

#include "blinding.hpp"
#include "campaign_resolution.hpp"
#include "farm_settings.hpp"
#include "run_context.hpp"

namespace ratiofarm {

/// A campaign and its run directory, ready to be worked on; the same values on every rank.
struct Workspace {
    Campaign written;   ///< as the user wrote it, with absolute paths
    Campaign campaign;  ///< plain, what is trained and fitted; while something is missing `written`
    Missing missing = Missing::nothing;
    RunDirectory directory;
    DeviceClass device = DeviceClass::cpu;
    SourceEvents source;              ///< events of the written campaign
    std::vector<SampleInfo> samples;  ///< of `campaign`
    TaskGraph graph;  ///< of `campaign`; that of the preselection while the selection is missing
    std::filesystem::path ratios;  ///< ratio file of the fit; the run directory's own by default
    Placement placement;           ///< cores and GPU of this rank
    FarmSettings farm;

    unsigned threads() const { return static_cast<unsigned>(placement.cores.size()); }

    // Rank 0 only.
    std::optional<Blinding> blinding;  ///< of a campaign with [data].blind
    std::unique_ptr<Lock> lock;
    JournalState history;  ///< of all journals
    Digest selection;      ///< selection_inputs(), if the campaign needs a selection
    bool accept_change = false;
    std::unique_ptr<Journal> journal;
};

/// What toys and tests of the fit are made from; the workspace outlives it.
inline FitSource fit_source(const Workspace& workspace) {
    return {workspace.campaign, workspace.ratios, workspace.samples, workspace.threads()};
}

/// Where a command finds its campaign and its results.
struct Places {
    std::filesystem::path campaign;
    std::filesystem::path out;  ///< empty: "<campaign name>.run" here
};

/// How much of its inputs a command needs.
enum class Needs {
    events,     ///< campaign, events and task graph
    selection,  ///< the same for who makes what is missing: then the graph is that of its tasks
    campaign,   ///< the campaign alone; events are described if their file can be read
};

/// What a command asks for when it opens a workspace.
struct WorkspaceRequest {
    Places places;
    Needs needs = Needs::events;
    std::string device = "auto";                 ///< or cpu, or cuda
    bool accept_change = false;                  ///< train nets again whose campaign has changed
    bool fresh = false;                          ///< remove all results first
    std::filesystem::path ratios = {};           ///< empty: those of the run directory
    std::optional<std::string> unblinding = {};  ///< why the data may be looked at
    FarmSettings farm = {};
};

/// Collective over the context's world. Reads and checks everything, takes the lock, compares with
/// what the run directory already holds.
/// \throws AgreedError on all ranks: mistakes in campaign or events, a living lock, results of
///         another campaign without --accept-change or --fresh; a selection that is missing, unless
///         the command makes it
Workspace open_workspace(RunContext& context, const WorkspaceRequest& request);

}  // namespace ratiofarm
