#include "sums_trainer.hpp"

#include <chrono>
#include <utility>

#include <poll.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/signal_flags.hpp"

namespace ratiofarm {

SumsTrainer::SumsTrainer(LauncherHandle& launcher,
                         const Placement& placement,
                         DeviceClass device,
                         const Log& log)
    : trainer_(launcher, placement, device, log), device_(device) {}

std::vector<double> SumsTrainer::ask(const TrainerRequest& request) {
    trainer_.send(frame(request));
    const auto reply = wait_for_reply();
    if (!reply) {
        throw SystemError(
            fmt::format("the trainer that sums over the events on {} is gone ({}): run the same "
                        "command again, or give --device cpu --kernel automatic",
                        device_class_name(device_), trainer_.ended()));
    }
    if (const auto* failed = std::get_if<TaskFailed>(&*reply)) {
        if (failed->kind == FailureKind::task) throw DataError(failed->reason);
        throw SystemError(
            fmt::format("{}; more ranks hold fewer events each, and with --device cpu --kernel "
                        "automatic the processor sums them",
                        failed->reason));
    }
    if (const auto* sums = std::get_if<EventSums>(&*reply)) return sums->sums;
    throw DataError("the trainer answered a sum over events with another message");
}

/// Nothing if the trainer is gone.
std::optional<TrainerReply> SumsTrainer::wait_for_reply() {
    std::optional<std::chrono::steady_clock::time_point> asked;  // to stop
    for (;;) {
        const bool alive = trainer_.exchange();
        if (auto reply = trainer_.next_reply()) return reply;
        if (!alive) return std::nullopt;
        const auto events = static_cast<short>(trainer_.has_unsent() ? POLLIN | POLLOUT : POLLIN);
        pollfd entry{.fd = trainer_.socket(), .events = events, .revents = 0};
        ::poll(&entry, 1, 1000);
        if (signal_request() != SignalRequest::stop) continue;
        const auto now = std::chrono::steady_clock::now();
        if (!asked) asked = now;
        if (now - *asked < std::chrono::seconds(30)) continue;
        trainer_.kill();
        throw SystemError(
            "stopped by a signal; the trainer that sums over the events did not "
            "answer");
    }
}

}  // namespace ratiofarm
