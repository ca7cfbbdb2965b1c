#include "training_state_store.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "core/publish.hpp"

namespace ratiofarm::trainer {
namespace {

/// The checksum vouches for the bytes; this for their meaning.
void require_fit(const TrainingState& state, const TrainRequest& request) {
    const std::uint64_t trainable = trainable_size(request.network);
    const std::uint64_t row = row_size(request.network);
    const auto fits = [&](const NetState& net) {
        return net.row.size() == row && net.first_moment.size() == trainable &&
               net.second_moment.size() == trainable &&
               (net.best_row.empty() || net.best_row.size() == row) &&
               net.best_epoch <= net.training_loss.size() &&
               net.training_loss.size() == net.validation_loss.size();
    };
    const std::size_t averages =
        request.training.average == Average::none ? 0 : request.nets.size();
    const auto whole = [&](const auto& average) { return average.size() == trainable; };
    if (state.nets.size() != request.nets.size() || !std::ranges::all_of(state.nets, fits) ||
        state.averages.size() != averages || !std::ranges::all_of(state.averages, whole)) {
        throw DataError("checkpoint of other nets");
    }
}

}  // namespace

TrainingStateStore::TrainingStateStore(std::filesystem::path path, const Digest& task, Log log)
    : path_(std::move(path)), older_(path_.string() + ".old"), task_(task), log_(std::move(log)) {}

void publish_in_place(const std::filesystem::path& path, std::span<const std::byte> content) {
    const std::filesystem::path folder = path.parent_path();
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    if (error) {
        throw SystemError("the folder '" + folder.string() + "' is gone", error.value());
    }
    if (space.available < content.size()) {
        throw SystemError("no space for '" + path.string() +
                          "': " + std::to_string(content.size()) + " bytes needed, " +
                          std::to_string(space.available) + " free");
    }
    publish(path, content);
}

void TrainingStateStore::save(const TrainingState& state) const {
    const auto bytes = encode_task_file(task_, state);
    // The new one is complete before an old one is touched.
    const std::filesystem::path fresh = path_.string() + ".new";
    publish_in_place(fresh, bytes);
    std::error_code error;
    std::filesystem::rename(path_, older_, error);
    if (error && error != std::errc::no_such_file_or_directory) {
        throw SystemError("cannot rename '" + path_.string() + "'", error.value());
    }
    std::filesystem::rename(fresh, path_, error);
    if (error) {
        throw SystemError("cannot rename '" + fresh.string() + "'", error.value());
    }
}

std::optional<TrainingState> TrainingStateStore::newest(const TrainRequest& request) const {
    auto state = read(path_, request);
    return state ? std::move(state) : read(older_, request);
}

std::optional<TrainingState> TrainingStateStore::read(const std::filesystem::path& path,
                                                      const TrainRequest& request) const {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return std::nullopt;
    try {
        auto state = read_task_file<TrainingState>(path, task_);
        require_fit(state, request);
        log_.info(
            "continuing from a checkpoint",
            {{"file", path.string()}, {"epoch", std::uint64_t{state.epoch}}, {"step", state.step}});
        return state;
    } catch (const Error& error) {
        log_.warning("checkpoint cannot be used",
                     {{"file", path.string()}, {"reason", error.what()}});
        return std::nullopt;
    }
}

void TrainingStateStore::remove() const {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    remove_older();
}

void TrainingStateStore::remove_older() const {
    std::error_code ignored;
    std::filesystem::remove(older_, ignored);
    std::filesystem::remove(path_.string() + ".new", ignored);
}

}  // namespace ratiofarm::trainer
