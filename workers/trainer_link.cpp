#include "trainer_link.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <span>

#include <sys/socket.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

TrainerLink::TrainerLink(LauncherHandle& launcher,
                         const Placement& placement,
                         DeviceClass device,
                         const Log& log)
    : launcher_(launcher), log_(log), process_(launcher.start(placement, device)) {}

void TrainerLink::send(const std::vector<std::byte>& frame) {
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
    unsent_.insert(unsent_.end(), frame.begin(), frame.end());
    write_unsent();
}

bool TrainerLink::exchange() { return write_unsent() && read_available(); }

bool TrainerLink::write_unsent() {
    while (has_unsent()) {
        const ssize_t written =
            ::send(socket(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        sent_ += static_cast<std::size_t>(written);
    }
    return true;
}

bool TrainerLink::read_available() {
    std::array<std::byte, 65536> buffer;
    for (;;) {
        const ssize_t size = ::recv(socket(), buffer.data(), buffer.size(), 0);
        if (size > 0) {
            received_.append(std::span(buffer).first(static_cast<std::size_t>(size)));
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else {
            return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
}

std::optional<TrainerReply> TrainerLink::next_reply() {
    if (!greeted_ && !greet()) return std::nullopt;
    return received_.next_reply();
}

/// \return false if its first message has not come yet
bool TrainerLink::greet() {
    try {
        const auto reply = received_.next_reply();
        if (!reply) return false;
        const auto* hello = std::get_if<TrainerHello>(&*reply);
        greeted_ = hello != nullptr && hello->wire == trainer_wire();
        if (greeted_) {
            log_.debug(
                "trainer started",
                {{"pid", hello->pid}, {"device", hello->device}, {"libtorch", hello->libtorch}});
            return true;
        }
    } catch (const DataError&) {
        // A hello of another layout.
    }
    std::error_code unknown;
    throw ConfigError(fmt::format(
        "'{}' and '{}' were built from different sources and do not understand each other: build "
        "and install both together; RATIOFARM_TRAINER names the trainer (unset: the one beside "
        "ratiofarm)",
        launcher_.trainer().string(),
        std::filesystem::read_symlink("/proc/self/exe", unknown).string()));
}

std::string TrainerLink::ended() {
    std::string how = launcher_.wait(process_);
    if (!greeted_) {
        how += fmt::format(" before its first word; '{} --self-test' may show why",
                           launcher_.trainer().string());
    }
    return how;
}

void TrainerLink::close() {
    process_.socket.reset();
    launcher_.wait(process_);
}

void TrainerLink::kill() {
    ::kill(process_.pid, SIGKILL);
    launcher_.wait(process_);
}

}  // namespace ratiofarm
