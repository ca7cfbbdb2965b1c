#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/nets_record.hpp"
#include "pipeline/search/search_status.hpp"
#include "pipeline/tested_shapes.hpp"
#include "scheduler/cost_model.hpp"
#include "store/farm_progress.hpp"
#include "store/farm_times.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// A farm and the shard it worked on; empty: everything.
struct FarmOfShard {
    FarmTimes times;
    std::string shard;
};

/// How far the chains of an unfolding are.
struct ChainCounts {
    std::uint64_t chains = 0, chains_done = 0;
    std::uint64_t tasks = 0, tasks_done = 0;
    double seconds = 0.0;  ///< of the tasks that are done or begun
    bool table = false;    ///< unfolded.h5 exists
    bool record = false;   ///< unfold.json exists
};

/// What the files of a run directory say, and what Slurm says about its jobs.
struct RunStatus {
    TrainedNets nets;
    std::uint64_t checkpointed = 0;  ///< nets that are begun and not finished
    std::uint64_t toy_tasks = 0;     ///< done
    std::uint64_t toys_begun = 0;    ///< tasks that were stopped within
    bool toys = false;               ///< toys.json exists
    bool gof = false;                ///< gof.json exists
    std::vector<TaskGivenUp> given_up;
    std::vector<std::string> ensembles;
    std::uint64_t planned_ensembles = 0;
    std::vector<EnsembleRecord> gates;
    std::vector<TestedShape> shapes;
    std::string search;  ///< what there is to say about a search
    nlohmann::ordered_json search_json;
    std::optional<ChainCounts> unfolding;      ///< of a campaign with [unfolding]
    std::optional<SelectionStatus> selection;  ///< of a campaign whose events are selected
    bool ratios = false;
    bool fit = false;
    std::string result;                 ///< "mu = 1.02 +- 0.18", of fit.json
    std::vector<std::string> damaged;   ///< records that say nothing, and why
    std::vector<std::string> warnings;  ///< of fit.json
    bool report = false;
    std::vector<std::string> newer_than_report = {};  ///< results
    std::vector<LockOwner> holders;      ///< of locks, as far as anyone can tell that they live
    std::uint64_t dead_locks = 0;        ///< left by farms that have ended
    std::vector<SeenProgress> progress;  ///< of the farms that work
    std::vector<std::string> queue;      ///< jobs of this run directory that Slurm knows
    std::uint64_t damaged_lines = 0;
    std::vector<StageEnded> stages;
    CostModel costs;                 ///< learned from the tasks that are done
    std::vector<FarmOfShard> farms;  ///< of the last run, and of each shard

    /// Whether somebody works there, or waits in the queue to do so.
    bool is_at_work() const { return !holders.empty() || !queue.empty(); }
};

/// Takes no lock and writes nothing: also while a farm works.
/// \throws Error if the journals or the campaign cannot be read; what else is damaged is told
RunStatus read_run_status(const RunDirectory& directory);

}  // namespace ratiofarm
