#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"
#include "ratiofarm/farm/task_runner.hpp"
#include "ratiofarm/workers/launcher.hpp"

namespace ratiofarm {

/// The supervisor: has tasks done by a persistent trainer process on this rank's device and starts
/// a new one when it dies. The payload of a task is the frame of a TrainerRequest.
class TrainerRunner final : public TaskRunner {
public:
    /// \param launcher, log outlive the runner
    TrainerRunner(LauncherHandle& launcher,
                  Placement placement,
                  DeviceClass device,
                  const Log& log);

    void start(const Task& task) override;
    void checkpoint() override;
    void stop() override;
    std::optional<Event> poll() override;

private:
    void ensure_trainer();
    void send(std::vector<std::byte> frame);
    bool write_pending();  ///< false if the trainer is gone
    bool read_available();
    std::optional<Event> on(const TrainerReply& reply);
    std::optional<Event> trainer_died();

    LauncherHandle& launcher_;
    Placement placement_;
    DeviceClass device_;
    const Log& log_;
    std::optional<TrainerProcess> trainer_;
    FrameBuffer received_;
    std::vector<std::byte> pending_;
    std::optional<Digest> running_;
};

}  // namespace ratiofarm
