#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/id.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

using WorkerId = Id<struct WorkerTag>;    ///< the rank that works
using AttemptId = Id<struct AttemptTag>;  ///< counts assignments of the whole farm, from 1

/// One unit of work for one worker. The farm does not look into the payload.
struct Task {
    Digest digest;                   ///< of everything that determines the result
    std::string name;                ///< "S/member 3"
    double cost = 0.0;               ///< expected, in any unit; longest first
    std::vector<std::byte> payload;  ///< what the TaskRunner needs
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Task>& value) {
    archive(value.digest, value.name, value.cost, value.payload);
}

enum class TaskOutcome : std::uint8_t {
    done,       ///< the result is published
    failed,     ///< cannot succeed: bad data, diverged
    crashed,    ///< the trainer died, hung or got no memory: one strike, tried again
    stopped,    ///< given up on request, checkpoint on disk: no strike
    postponed,  ///< storage refuses (disk full, read-only): no strike, the farm stops, resumable
};

/// How one attempt at a task ended.
struct TaskReport {
    TaskOutcome outcome = TaskOutcome::done;
    std::string reason;       ///< of failed, crashed and postponed
    std::uint64_t bytes = 0;  ///< of the published file
    std::uint32_t crc = 0;    ///< CRC-32 of the published file
    double seconds = 0.0;     ///< spent in this attempt
    bool resumed = false;     ///< continued from a checkpoint
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskReport>& value) {
    archive(value.outcome, value.reason, value.bytes, value.crc, value.seconds, value.resumed);
}

/// How far the running task is.
struct TaskPace {
    double fraction = 0.0;  ///< 0 to 1
    std::uint32_t epoch = 0;
    double validation_loss = 0.0;     ///< NaN before the first epoch is complete
    double checkpoint_seconds = 0.0;  ///< that the last checkpoint took; 0 before it
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskPace>& value) {
    archive(value.fraction, value.epoch, value.validation_loss, value.checkpoint_seconds);
}

}  // namespace ratiofarm
