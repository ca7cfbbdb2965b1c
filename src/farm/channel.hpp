#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "message.hpp"

namespace ratiofarm {

/// A message and the rank at the other end.
struct Envelope {
    WorkerId peer;
    Message message;
};

/// Point-to-point transport of the farm. Neither call blocks; messages between two ranks keep
/// their order; a rank can send to itself.
class Channel {
public:
    virtual ~Channel() = default;
    virtual void send(WorkerId to, const Message& message) = 0;
    virtual std::optional<Envelope> receive() = 0;
};

/// Several channels inside one process: the twin of the MPI channel for tests.
class InProcessNetwork {
public:
    explicit InProcessNetwork(std::size_t ranks) : queues_(ranks) {}

    std::unique_ptr<Channel> channel(WorkerId self);

private:
    class Endpoint;
    std::vector<std::deque<Envelope>> queues_;
};

}  // namespace ratiofarm
