#include "trainer_protocol.hpp"

#include <utility>

namespace ratiofarm {
namespace {

constexpr std::size_t frame_header_size = sizeof(std::uint32_t) + sizeof(std::uint8_t);

template <class Variant>
std::vector<std::byte> frame_of(const Variant& message) {
    const auto body = std::visit([](const auto& value) { return encode(value); }, message);
    WireWriter writer;
    writer(static_cast<std::uint32_t>(body.size()), static_cast<std::uint8_t>(message.index()));
    auto bytes = writer.take();
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

/// One of each, with something in every list, so that each member shows in the encoding.
std::vector<TrainerRequest> sample_requests() {
    TrainRequest train;
    train.numerator = train.denominator = {ClassComponent{}};
    train.classes = {train.numerator};
    train.features = {0};
    train.nets = {NetRequest{}};
    InferRequest infer;
    infer.features = infer.net_fold = {0};
    infer.sample.particles.names = {"E"};
    infer.network.kind = NetworkKind::transformer;  // a network with all its members
    infer.network.particles = {"E"};
    UnfoldRequest unfold;
    unfold.background = {SampleColumns{}};
    unfold.simulation.levels.names = {"pt"};
    unfold.features = {0};
    unfold.before = unfold.acceptance = unfold.subtraction = {UnfoldParent{}};
    unfold.attempts = {NetRequest{}};
    HoldEventsRequest hold;
    hold.process = hold.parameter = {0};
    hold.yields = hold.weight = hold.reference = hold.ratio = {0.0};
    hold.log_g = {0.0F};
    SumEventsRequest sum;
    sum.rates = sum.columns = {0.0};
    return {train, infer, CheckpointRequest{},  StopRequest{}, unfold,
            hold,  sum,   ForgetEventsRequest{}};
}

std::vector<TrainerReply> sample_replies() {
    return {TrainerHello{.wire = {}, .device = {}, .libtorch = {}},
            TaskAlive{},
            TaskDone{},
            TaskFailed{},
            TaskStopped{},
            EventSums{{0.0}}};
}

}  // namespace

Digest trainer_wire() {
    Hasher hasher;
    hasher.text("trainer wire").number(training_algorithm);
    for (const TrainerRequest& message : sample_requests()) hasher.bytes(frame_of(message));
    for (const TrainerReply& message : sample_replies()) hasher.bytes(frame_of(message));
    return hasher.finish();
}

std::vector<std::byte> frame(const TrainerRequest& request) { return frame_of(request); }
std::vector<std::byte> frame(const TrainerReply& reply) { return frame_of(reply); }

void FrameBuffer::append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

template <class Variant>
std::optional<Variant> FrameBuffer::next() {
    if (bytes_.size() < frame_header_size) return std::nullopt;
    std::uint32_t size = 0;
    std::uint8_t type = 0;
    WireReader header(bytes_);
    header(size, type);
    if (bytes_.size() - frame_header_size < size) return std::nullopt;
    auto message = decode_alternative<Variant>(
        type, std::span(bytes_).subspan(frame_header_size, size),
        "trainer message of unknown type: program and trainer differ in version");
    bytes_.erase(bytes_.begin(),
                 bytes_.begin() + static_cast<std::ptrdiff_t>(frame_header_size + size));
    return message;
}

std::optional<TrainerRequest> FrameBuffer::next_request() { return next<TrainerRequest>(); }
std::optional<TrainerReply> FrameBuffer::next_reply() { return next<TrainerReply>(); }

}  // namespace ratiofarm
