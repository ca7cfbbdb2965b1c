#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "task.hpp"

/// Messages between the scheduler on rank 0 and the workers. Every message about a task
/// carries its attempt; what belongs to an older attempt is dropped.
namespace ratiofarm {

/// Worker to scheduler: idle and able to work.
struct Ready {};
/// Worker to scheduler: the task is alive.
struct Heartbeat {
    AttemptId attempt;
    TaskProgress progress;
};
/// Worker to scheduler: the attempt is over; the worker is idle.
struct Finished {
    AttemptId attempt;
    Digest task;
    TaskReport report;
};

/// Scheduler to worker: do this.
struct Assign {
    AttemptId attempt;
    Task task;
};
/// Scheduler to worker: write a checkpoint now and go on.
struct Checkpoint {};
/// Scheduler to worker: write a checkpoint, give the task up and report it stopped.
struct Stop {};
/// Scheduler to worker: no more work, leave the farm.
struct Quit {};

template <class Archive>
void fields(Archive&, MemberOf<Archive, Ready>&) {}
template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Heartbeat>& value) {
    archive(value.attempt, value.progress);
}
template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Finished>& value) {
    archive(value.attempt, value.task, value.report);
}
template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Assign>& value) {
    archive(value.attempt, value.task);
}
template <class Archive>
void fields(Archive&, MemberOf<Archive, Checkpoint>&) {}
template <class Archive>
void fields(Archive&, MemberOf<Archive, Stop>&) {}
template <class Archive>
void fields(Archive&, MemberOf<Archive, Quit>&) {}

using Message = std::variant<Ready, Heartbeat, Finished, Assign, Checkpoint, Stop, Quit>;

std::vector<std::byte> encode_message(const Message& message);
/// \throws DataError if the bytes are not a message of this version
Message decode_message(std::span<const std::byte> bytes);

}  // namespace ratiofarm
