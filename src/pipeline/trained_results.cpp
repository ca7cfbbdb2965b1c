#include "trained_results.hpp"

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

const TrainingResult* TrainedResults::find(const Digest& task) {
    const auto known = known_.find(task);
    if (known != known_.end()) return &known->second;
    const std::filesystem::path path = directory_.result(task);
    if (!std::filesystem::exists(path)) return nullptr;
    try {
        auto result = read_task_file<TrainingResult>(path, task);
        for (TrainedNet& net : result.nets) net.row = {};
        return &known_.emplace(task, std::move(result)).first->second;
    } catch (const DataError&) {
        damaged_.push_back(path);
        return nullptr;
    }
}

}  // namespace ratiofarm
