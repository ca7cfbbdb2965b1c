#pragma once

#include <cstdint>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// How far a running task is. The trainer, its rank and the scheduler speak of it in these numbers.
struct TaskProgress {
    double fraction = 0.0;  ///< of the task, 0 to 1
    std::uint32_t epoch = 0;
    double training_loss = 0.0;  ///< of the last complete epoch; NaN before it
    double validation_loss = 0.0;
    double checkpoint_seconds = 0.0;  ///< that the last checkpoint took; 0 before it
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskProgress>& value) {
    archive(value.fraction, value.epoch, value.training_loss, value.validation_loss,
            value.checkpoint_seconds);
}

/// What an attempt at a task has published, and what it took.
struct TaskResult {
    std::uint64_t bytes = 0;  ///< of the published file
    std::uint32_t crc = 0;    ///< CRC-32 of the published file
    double seconds = 0.0;     ///< spent in this attempt
    bool resumed = false;     ///< continued from a checkpoint
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskResult>& value) {
    archive(value.bytes, value.crc, value.seconds, value.resumed);
}

}  // namespace ratiofarm
