#include "inference_tasks.hpp"

#include <filesystem>
#include <utility>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "ratio_assembly.hpp"

namespace ratiofarm {

std::vector<Task> inference_tasks(const TaskGraph& graph, const RunDirectory& directory) {
    EnsembleFiles files(graph, directory);
    std::vector<Task> tasks;
    for (const InferTask& task : graph.inferences) {
        const EnsembleFile& ensemble = files.find(task.ensemble);
        InferRequest request = task.request;
        request.ensemble_file = ensemble.path.string();
        request.weights_offset = ensemble.weights_offset;
        request.row_stride = ensemble.header.row_stride();
        request.members = static_cast<std::uint32_t>(ensemble.header.nets());
        request.net_fold = request.split.folds > 0 ? ensemble.fold : std::vector<std::uint32_t>{};
        if (ensemble.header.training.calibration != CalibrationMethod::none) {
            request.calibration_offset = ensemble.calibration_offset;
        }
        request.result_path = directory.result(task.digest).string();
        tasks.push_back({task.digest, task.name, task.flop,
                         frame(TrainerRequest(std::move(request))), task.identity});
    }
    return tasks;
}

void remove_inference_results(const TaskGraph& graph, const RunDirectory& directory) {
    for (const InferTask& task : graph.inferences) {
        std::error_code ignored;
        std::filesystem::remove(directory.result(task.digest), ignored);
    }
}

}  // namespace ratiofarm
