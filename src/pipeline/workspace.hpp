#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/task_graph.hpp"
#include "commands/command.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"
#include "store/run_directory.hpp"
#include "workers/placement.hpp"

#include "blinding.hpp"
#include "campaign_resolution.hpp"
#include "farm_settings.hpp"

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

/// Options that every command with a workspace takes.
std::vector<Option> workspace_options();

/// --ratios, of commands that fit; open_workspace() heeds it.
Option ratios_option();

/// Where a command finds its campaign and its results: the campaign file of the command line, or
/// the copy in --out, or "campaign.toml" here; --out, or "<campaign name>.run" here.
struct Places {
    std::filesystem::path campaign;
    std::filesystem::path out;
};
Places find_places(const Arguments& arguments);

/// How much of its inputs a command needs.
enum class Needs {
    events,     ///< campaign, events and task graph
    selection,  ///< the same for who makes what is missing: then the graph is that of its tasks
    campaign,   ///< the campaign alone; events are described if their file can be read
};

/// Collective over the context's world. Reads and checks everything, takes the lock, compares with
/// what the run directory already holds.
/// \throws AgreedError on all ranks: mistakes in campaign or events, a living lock, results of
///         another campaign without --accept-change or --fresh; a selection that is missing, unless
///         the command makes it
Workspace open_workspace(CommandContext& context, const Arguments& arguments, Needs needs);

}  // namespace ratiofarm
