#pragma once

#include <utility>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm_test/catch.hpp"

#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::test {

/// Trains on the CPU. \param script orders by the number of polls so far; none: goes on to the end
inline TaskEnd run(const TrainRequest& request,
                   std::function<TaskOrder(std::uint64_t)> script = {}) {
    ScriptedControl control(std::move(script));
    return train(request, DeviceKind::cpu, control, Log()).end;
}

/// Of a training that must succeed.
inline TrainingResult result_of(const TrainRequest& request) {
    REQUIRE(run(request) == TaskEnd::done);
    return read_task_file<TrainingResult>(request.result_path, request.task);
}

}  // namespace ratiofarm::test
