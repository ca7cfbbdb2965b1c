#include "inference_tasks.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"

#include "ratio_assembly.hpp"

namespace ratiofarm {
namespace {

[[noreturn]] void set_aside(const std::filesystem::path& path, const DataError& damage) {
    const std::string aside = path.string() + ".damaged";
    std::error_code ignored;  // another rank may have done it
    std::filesystem::rename(path, aside, ignored);
    throw SystemError(std::string(damage.what()) + "; the file was set aside as '" + aside +
                      "', run 'ratiofarm run' or 'gather' to make it again");
}

/// Collective over world. Each rank reads its share of the nets of all files, rank 0 all headers.
void expect_sound(const mpi::Communicator& world, const TaskGraph& graph, EnsembleFiles& files) {
    std::set<std::string> names;
    for (const InferTask& task : graph.inferences) names.insert(task.ensemble);
    std::vector<std::uint64_t> nets(names.size());
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        std::ranges::transform(names, nets.begin(), [&](const std::string& name) {
            return files.find(name).header.nets();
        });
    });
    mpi::all_sum(world, nets);
    const Range mine = block_partition(std::reduce(nets.begin(), nets.end()),
                                       static_cast<std::uint64_t>(world.size()),
                                       static_cast<std::uint64_t>(world.rank()));
    mpi::together(world, [&] {
        Range of_file;
        auto size = nets.begin();
        for (const std::string& name : names) {
            of_file = {of_file.last, of_file.last + *size++};
            const Range part{std::max(mine.first, of_file.first),
                             std::min(mine.last, of_file.last)};
            if (part.first >= part.last) continue;
            const EnsembleFile& file = files.find(name);
            try {
                check_nets(file, {part.first - of_file.first, part.last - of_file.first});
            } catch (const DataError& damage) {
                set_aside(file.path, damage);
            }
        }
    });
}

}  // namespace

std::vector<Task> inference_tasks(const mpi::Communicator& world,
                                  const TaskGraph& graph,
                                  const RunDirectory& directory) {
    EnsembleFiles files(graph, directory);
    expect_sound(world, graph, files);
    std::vector<Task> tasks;
    if (!world.is_root()) return tasks;
    for (const InferTask& task : graph.inferences) {
        const EnsembleFile& ensemble = files.find(task.ensemble);
        InferRequest request = task.request;
        request.ensemble_file = ensemble.path.string();
        request.ensemble_stamp = ensemble.stamp;
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
    std::error_code failed;
    for (const InferTask& task : graph.inferences) {
        std::filesystem::remove(directory.result(task.digest), failed);
        if (failed) return;
    }
}

void remove_left_results(const TaskGraph& graph, const RunDirectory& directory) {
    const auto& tasks = graph.inferences;
    std::error_code unknown;
    if (tasks.empty() || !std::filesystem::exists(directory.result(tasks.back().digest), unknown)) {
        return;
    }
    remove_inference_results(graph, directory);
}

}  // namespace ratiofarm
