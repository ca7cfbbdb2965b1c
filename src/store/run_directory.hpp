#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "shard.hpp"

namespace ratiofarm {

/// Names of everything inside a run directory.
class RunDirectory {
public:
    RunDirectory() = default;
    explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path campaign() const { return root_ / "campaign.toml"; }
    std::filesystem::path journal() const { return root_ / "journal.jsonl"; }
    std::filesystem::path lock() const { return root_ / "lock"; }
    /// The journal of a farm that works only on a shard, or joined others.
    std::filesystem::path journal(const Shard& shard) const;
    std::filesystem::path lock(const Shard& shard) const;
    /// Lock that is held while files that all shards share are made.
    std::filesystem::path preparation_lock() const { return root_ / "lock.preparation"; }
    /// Existing journals and locks of shards and of jobs that joined, in the order of their names.
    std::vector<std::filesystem::path> other_journals() const;
    std::vector<std::filesystem::path> other_locks() const;
    std::vector<std::filesystem::path> job_locks() const;
    /// What jobs that joined have claimed.
    std::filesystem::path claims() const { return root_ / "claims"; }
    /// Sign of life of the one that does what only one of them can do.
    std::filesystem::path turn() const { return claims() / "turn"; }

    /// What the regions of the campaign selected from its events: counts, the events that the nets
    /// learn from, and the campaign that follows from them.
    std::filesystem::path selection_json() const { return root_ / "selection.json"; }
    std::filesystem::path selected_events() const { return root_ / "selected.h5"; }
    std::filesystem::path selected_campaign() const { return root_ / "selected.toml"; }

    /// What a search found, and the campaign with the best setting.
    std::filesystem::path search_json() const { return root_ / "search.json"; }
    std::filesystem::path search_csv() const { return root_ / "search.csv"; }
    /// What was asked of an external sampler of the search, and its answers.
    std::filesystem::path steering() const { return root_ / "steering"; }
    std::filesystem::path steering_answer(std::size_t points) const {
        return steering() / (std::to_string(points) + ".json");
    }
    std::filesystem::path searched_campaign() const { return root_ / "searched.toml"; }

    /// What the gates chose and excluded, for people and `status`.
    std::filesystem::path nets() const { return root_ / "nets.json"; }
    std::filesystem::path ratios() const { return root_ / "ratios.h5"; }
    std::filesystem::path fit_json() const { return root_ / "fit.json"; }
    std::filesystem::path report() const { return root_ / "report.html"; }
    std::filesystem::path plots() const { return root_ / "plots"; }
    std::filesystem::path toys_json() const { return root_ / "toys.json"; }
    std::filesystem::path unfolded() const { return root_ / "unfolded.h5"; }
    std::filesystem::path unfold_json() const { return root_ / "unfold.json"; }
    std::filesystem::path gof_json() const { return root_ / "gof.json"; }
    /// When and why the data of a blind campaign were looked at; nothing removes it.
    std::filesystem::path unblinding() const { return root_ / "unblinding.json"; }
    /// Commands that submitted the campaign to a batch system.
    std::filesystem::path submit_script() const { return root_ / "submit.sh"; }

    std::filesystem::path ensembles() const { return root_ / "ensembles"; }
    std::filesystem::path ensemble(const std::string& name) const {
        return ensembles() / (name + ".h5");
    }

    std::filesystem::path tasks() const { return root_ / "tasks"; }
    /// Finished result of a task; complete as soon as it has this name.
    std::filesystem::path result(const Digest& task) const;
    /// Checkpoint of a running training; ".old" behind it is the generation before. \param attempt
    /// of the claim, where several jobs work: each attempt has a name of its own
    std::filesystem::path state(const Digest& task, std::uint64_t attempt = 1) const;

private:
    std::filesystem::path root_;
};

}  // namespace ratiofarm
