#include "event_scores.hpp"

#include <algorithm>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "protocol/task_file.hpp"

namespace ratiofarm {

EventScores::EventScores(const TaskGraph& graph, RunDirectory directory, std::string sample)
    : graph_(graph), directory_(std::move(directory)), sample_(std::move(sample)) {}

std::span<const double> EventScores::of(std::uint64_t row) {
    if (row < rows_.first || row >= rows_.last) load(row);
    for (std::size_t k = 0; k < classes_.size(); ++k) {
        classes_[k] = block_[k * rows_.size() + (row - rows_.first)];
    }
    return classes_;
}

void EventScores::load(std::uint64_t row) {
    const auto task = std::find_if(
        graph_.inferences.begin(), graph_.inferences.end(), [&](const InferTask& each) {
            return each.sample == sample_ && row >= each.first && row < each.first + each.count;
        });
    if (task == graph_.inferences.end()) {
        throw DataError("the preselection does not evaluate sample '" + sample_ + "'");
    }
    auto scores = read_task_file<ScoreBlock>(directory_.result(task->digest), task->digest);
    if (scores.classes == 0 || scores.log_probability.size() != scores.classes * task->count) {
        throw DataError("'" + directory_.result(task->digest).string() +
                        "' does not hold the scores of '" + task->name + "'");
    }
    rows_ = {task->first, task->first + task->count};
    block_ = std::move(scores.log_probability);
    classes_.resize(scores.classes);
}

}  // namespace ratiofarm
