#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "protocol/trainer_protocol.hpp"

#include "launcher.hpp"

namespace ratiofarm {

/// A running trainer of this program and the messages to and from it. Nothing here waits, but
/// ended() and kill().
class TrainerLink {
public:
    /// Starts a trainer. \param launcher, log outlive the link
    /// \throws SystemError if it cannot be started
    TrainerLink(LauncherHandle& launcher,
                const Placement& placement,
                DeviceClass device,
                const Log& log);

    /// Queues a frame behind those that are not yet written, and writes what the socket takes.
    void send(const std::vector<std::byte>& frame);

    /// Writes and reads what can be. \return false if the trainer is gone
    bool exchange();

    /// The next message that has come, but its hello.
    /// \throws ConfigError if the first message is no hello of a trainer that belongs to this
    ///         program; DataError
    std::optional<TrainerReply> next_reply();

    /// For poll(2): the socket, and whether something waits to be written.
    int socket() const { return process_.socket.get(); }
    bool has_unsent() const { return sent_ < unsent_.size(); }

    /// Waits for the end of a trainer that is gone. \return how it ended, for people
    std::string ended();
    /// Closes the socket, upon which the trainer ends, and waits for it.
    void close();
    void kill();
    pid_t pid() const { return process_.pid; }

private:
    bool greet();
    bool write_unsent();
    bool read_available();

    LauncherHandle& launcher_;
    const Log& log_;
    TrainerProcess process_;
    FrameBuffer received_;
    std::vector<std::byte> unsent_;
    std::size_t sent_ = 0;  ///< of unsent_
    bool greeted_ = false;  ///< the trainer said a hello of our wire
};

}  // namespace ratiofarm
