#include "inference_tasks.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/core/wire.hpp"
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

/// What tasks must know of an ensemble file.
struct NetsPlace {
    std::uint64_t nets = 0;
    FileStamp stamp;
    std::uint64_t weights_offset = 0;
    std::uint64_t row_stride = 0;
    std::uint64_t calibration_offset = 0;  ///< 0: not calibrated
    std::vector<std::uint32_t> fold;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetsPlace>& value) {
    archive(value.nets, value.stamp, value.weights_offset, value.row_stride,
            value.calibration_offset, value.fold);
}

struct NetsPlaces {
    std::vector<NetsPlace> list;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetsPlaces>& value) {
    archive(value.list);
}

NetsPlace place_in(const EnsembleFile& file) {
    const bool calibrated = file.header.training.calibration != CalibrationMethod::none;
    return {file.header.nets(),
            file.stamp,
            file.weights_offset,
            file.header.row_stride(),
            calibrated ? file.calibration_offset : 0,
            file.fold};
}

Range share_of(const mpi::Communicator& world, std::uint64_t n) {
    return block_partition(n, static_cast<std::uint64_t>(world.size()),
                           static_cast<std::uint64_t>(world.rank()));
}

/// Collective over world. Each rank looks at its share of the files. \return of all of them
std::vector<NetsPlace> places_of(const mpi::Communicator& world,
                                 const std::vector<std::string>& names,
                                 EnsembleFiles& files) {
    NetsPlaces mine;
    mpi::together(world, [&] {
        const Range share = share_of(world, names.size());
        for (std::uint64_t file = share.first; file < share.last; ++file) {
            mine.list.push_back(place_in(files.find(names[file])));
        }
    });
    const std::vector<std::byte> bytes = encode(mine);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::vector<NetsPlace> all;
    for (const std::string& of_rank : mpi::all_gather_text(world, text)) {
        const auto places = decode<NetsPlaces>(std::as_bytes(std::span(of_rank))).list;
        all.insert(all.end(), places.begin(), places.end());
    }
    return all;
}

/// Collective over world. Each rank reads its share of the nets of all files.
void expect_sound(const mpi::Communicator& world,
                  const std::vector<std::string>& names,
                  const std::vector<NetsPlace>& places,
                  EnsembleFiles& files) {
    std::uint64_t nets = 0;
    for (const NetsPlace& place : places) nets += place.nets;
    const Range mine = share_of(world, nets);
    mpi::together(world, [&] {
        Range of_file;
        for (std::size_t k = 0; k < names.size(); ++k) {
            of_file = {of_file.last, of_file.last + places[k].nets};
            const Range part{std::max(mine.first, of_file.first),
                             std::min(mine.last, of_file.last)};
            if (part.first >= part.last) continue;
            const EnsembleFile& file = files.find(names[k]);
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
    std::set<std::string> sorted;
    for (const InferTask& task : graph.inferences) sorted.insert(task.ensemble);
    const std::vector<std::string> names(sorted.begin(), sorted.end());
    const std::vector<NetsPlace> places = places_of(world, names, files);
    expect_sound(world, names, places, files);
    std::vector<Task> tasks;
    if (!world.is_root()) return tasks;
    for (const InferTask& task : graph.inferences) {
        const auto name = std::ranges::lower_bound(names, task.ensemble);
        const NetsPlace& nets = places[static_cast<std::size_t>(name - names.begin())];
        InferRequest request = task.request;
        request.ensemble_file = directory.ensemble(task.ensemble).string();
        request.ensemble_stamp = nets.stamp;
        request.weights_offset = nets.weights_offset;
        request.row_stride = nets.row_stride;
        request.members = static_cast<std::uint32_t>(nets.nets);
        request.net_fold = request.split.folds > 0 ? nets.fold : std::vector<std::uint32_t>{};
        request.calibration_offset = nets.calibration_offset;
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
