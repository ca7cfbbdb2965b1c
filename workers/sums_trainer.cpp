#include "sums_trainer.hpp"

#include <utility>

#include <poll.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

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
                        "command again, or leave out --kernel device",
                        device_class_name(device_), trainer_.ended()));
    }
    if (const auto* failed = std::get_if<TaskFailed>(&*reply)) {
        if (failed->kind == FailureKind::task) throw DataError(failed->reason);
        throw SystemError(
            fmt::format("{}; more ranks hold fewer events each, and without --kernel device the "
                        "processor sums them",
                        failed->reason));
    }
    if (const auto* sums = std::get_if<EventSums>(&*reply)) return sums->sums;
    throw DataError("the trainer answered a sum over events with another message");
}

/// Nothing if the trainer is gone.
std::optional<TrainerReply> SumsTrainer::wait_for_reply() {
    for (;;) {
        const bool alive = trainer_.exchange();
        if (auto reply = trainer_.next_reply()) return reply;
        if (!alive) return std::nullopt;
        const auto events = static_cast<short>(trainer_.has_unsent() ? POLLIN | POLLOUT : POLLIN);
        pollfd entry{.fd = trainer_.socket(), .events = events, .revents = 0};
        ::poll(&entry, 1, -1);
    }
}

}  // namespace ratiofarm
