#pragma once

#include <filesystem>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "campaign/ensemble_choice.hpp"
#include "protocol/task_file.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Results of the trainings of a run directory, each read once, kept without the weights.
class TrainedResults {
public:
    explicit TrainedResults(RunDirectory directory) : directory_(std::move(directory)) {}

    /// Null if there is no result or its file is damaged.
    const TrainingResult* find(const Digest& task);

    /// Existing files that could not be read, since the last call: whoever takes them removes
    /// them, once, for a new result may have their name soon.
    std::vector<std::filesystem::path> take_damaged() { return std::exchange(damaged_, {}); }

private:
    RunDirectory directory_;
    std::unordered_map<Digest, TrainingResult> known_;
    std::vector<std::filesystem::path> damaged_;
};

}  // namespace ratiofarm
