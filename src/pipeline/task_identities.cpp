#include "task_identities.hpp"

#include <algorithm>

#include "protocol/task_file.hpp"

namespace ratiofarm {
namespace {

bool is_unknown(const auto& entry) { return entry.second.identity.kind == TaskKind::unknown; }

}  // namespace

bool has_unknown_tasks(const JournalState& history) {
    const auto any = [](const auto& events) {
        return std::ranges::any_of(events, [](const auto& entry) { return is_unknown(entry); });
    };
    return any(history.committed) || any(history.given_up);
}

void identify(JournalState& history, const TaskGraph& graph) {
    for (const TrainTask& task : graph.trainings) identify(history, task.digest, task.identity);
    for (const InferTask& task : graph.inferences) identify(history, task.digest, task.identity);
}

void identify_toys(JournalState& history, const RunDirectory& directory) {
    for (auto& entry : history.committed) {
        if (!is_unknown(entry)) continue;
        if (task_file_kind(directory.result(entry.first)) != TaskFileKind::toy_block) continue;
        entry.second.identity.kind = TaskKind::toys;
    }
}

}  // namespace ratiofarm
