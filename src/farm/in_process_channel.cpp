#include <utility>

#include "ratiofarm/core/contracts.hpp"

#include "channel.hpp"

namespace ratiofarm {

class InProcessNetwork::Endpoint final : public Channel {
public:
    Endpoint(std::vector<std::deque<Envelope>>& queues, WorkerId self)
        : queues_(queues), self_(self) {}

    void send(WorkerId to, const Message& message) override {
        RATIOFARM_EXPECT(to.value < queues_.size());
        // Through the wire format, so that the twin carries exactly what MPI would.
        queues_[to.value].push_back({self_, decode_message(encode_message(message))});
    }

    std::optional<Envelope> receive() override {
        auto& queue = queues_[self_.value];
        if (queue.empty()) return std::nullopt;
        Envelope envelope = std::move(queue.front());
        queue.pop_front();
        return envelope;
    }

private:
    std::vector<std::deque<Envelope>>& queues_;
    WorkerId self_;
};

std::unique_ptr<Channel> InProcessNetwork::channel(WorkerId self) {
    RATIOFARM_EXPECT(self.value < queues_.size());
    return std::make_unique<Endpoint>(queues_, self);
}

}  // namespace ratiofarm
