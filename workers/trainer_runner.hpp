#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "farm/worker.hpp"
#include "protocol/trainer_protocol.hpp"

#include "launcher.hpp"
#include "pace_watch.hpp"
#include "trainer_link.hpp"

namespace ratiofarm {

/// Where and how a rank's trainer runs.
struct TrainerPlace {
    Placement placement;
    DeviceClass device = DeviceClass::cpu;
    PaceLimits pace;  ///< when it counts as hung
};

/// The supervisor: has tasks done by a persistent trainer process on this rank's device and starts
/// a new one when it dies. A trainer that makes no progress is killed, which counts as a crash. The
/// payload of a task is the frame of a TrainerRequest.
class TrainerRunner final : public TaskRunner {
public:
    /// \param launcher, log outlive the runner
    TrainerRunner(LauncherHandle& launcher, TrainerPlace place, const Log& log);

    void start(const Task& task) override;
    void checkpoint() override;
    void stop() override;
    std::optional<Event> poll() override;

private:
    bool ensure_trainer();
    std::optional<Event> on(const TrainerReply& reply);
    std::optional<Event> on(const TaskFailed& failed);
    std::optional<Event> end(const Digest& task, TaskReport report);
    std::optional<Event> trainer_died();
    std::optional<Event> trainer_hangs();

    LauncherHandle& launcher_;
    TrainerPlace place_;
    const Log& log_;
    PaceWatch watch_;
    std::optional<TrainerLink> trainer_;
    std::optional<Digest> running_;
    std::optional<TaskReport> refused_;  ///< why the running task could not even be begun
};

}  // namespace ratiofarm
