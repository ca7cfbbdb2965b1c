#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/log.hpp"

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

namespace ratiofarm::trainer {

/// publish() into a folder that must be there already, with a look at the free space before.
/// \throws SystemError naming the path: folder gone, disk full, quota, read-only
void publish_in_place(const std::filesystem::path& path, std::span<const std::byte> content);

/// The checkpoints of one training: the newest at `path`, the one before it at `path`.old. A crash
/// at any moment leaves at least one of them whole.
class TrainingStateStore {
public:
    TrainingStateStore(std::filesystem::path path, const Digest& task, Log log);

    /// \throws SystemError
    void save(const TrainingState& state) const;

    /// The newest checkpoint that is undamaged and fits the nets; others are logged.
    std::optional<TrainingState> newest(const TrainRequest& request) const;

    /// Keeps the newest, to be continued by another task.
    void remove_older() const;

    /// Removes both. The result must be published before.
    void remove() const;

private:
    std::optional<TrainingState> read(const std::filesystem::path& path,
                                      const TrainRequest& request) const;

    std::filesystem::path path_;
    std::filesystem::path older_;
    Digest task_;
    Log log_;
};

}  // namespace ratiofarm::trainer
