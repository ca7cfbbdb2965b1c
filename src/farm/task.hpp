#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/id.hpp"
#include "ratiofarm/core/wire.hpp"

#include "core/task_identity.hpp"
#include "core/task_progress.hpp"

namespace ratiofarm {

using WorkerId = Id<struct WorkerTag>;    ///< the rank that works
using AttemptId = Id<struct AttemptTag>;  ///< counts assignments of the whole farm, from 1

/// One unit of work for one worker. The farm does not look into the payload.
struct Task {
    Digest digest;                   ///< of everything that determines the result
    std::string name;                ///< "S/member 3", for people
    double cost = 0.0;               ///< expected, in any unit; longest first
    std::vector<std::byte> payload;  ///< what the TaskRunner needs; empty while it is to be made
    TaskIdentity identity = {};
    /// Where many tasks wait: makes the payload when the task is handed out, for this attempt of a
    /// claim (1 in a farm that works by itself). Not sent.
    std::function<std::vector<std::byte>(std::uint64_t attempt)> make_payload = {};
    /// Tasks whose results it reads: it begins when they are committed. Those that the farm does
    /// not know were done before. Not sent.
    std::vector<Digest> after = {};
    /// Its result is wanted for itself; otherwise only by the tasks after it, and once those are
    /// done it may be gone. Not sent.
    bool wanted = true;
    std::uint32_t strikes = 0;  ///< crashes in other jobs. Not sent
    std::uint64_t claim = 1;    ///< attempt of the claim, by which its checkpoint is named
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Task>& value) {
    archive(value.digest, value.name, value.cost, value.payload, value.identity, value.claim);
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
    std::string reason;  ///< of failed, crashed and postponed
    TaskResult result = {};
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskReport>& value) {
    archive(value.outcome, value.reason, value.result);
}

}  // namespace ratiofarm
