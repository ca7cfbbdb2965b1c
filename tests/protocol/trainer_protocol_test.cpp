#include "protocol/trainer_protocol.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

TrainRequest example_request() {
    TrainRequest request;
    request.task = {7, 8};
    request.name = "S/member 3";
    request.numerator = {{{"/data/events.h5", "S", 100, 4, 4096, 8192, 16384}, 1.0}};
    request.features = {0, 2};
    request.network = {.inputs = 2, .hidden = {64, 64}, .activation = Activation::tanh};
    request.training.optimizer = Optimizer::adamw;
    request.nets.push_back({.name = "S/member 3", .shuffle_seed = 99, .warm_start = {}});
    request.result_path = "/run/tasks/x";
    return request;
}

}  // namespace

TEST_CASE("messages arrive whole however the stream is cut") {
    auto stream = frame(TrainerRequest(example_request()));
    const auto second = frame(TrainerRequest(StopRequest{}));
    stream.insert(stream.end(), second.begin(), second.end());

    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
        FrameBuffer buffer;
        std::vector<TrainerRequest> received;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            buffer.append(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
            while (auto request = buffer.next_request()) received.push_back(*request);
        }
        REQUIRE(received.size() == 2);
        const auto& request = std::get<TrainRequest>(received[0]);
        CHECK(encode(request) == encode(example_request()));
        CHECK(std::holds_alternative<StopRequest>(received[1]));
    }
}

TEST_CASE("bytes that are no message are refused") {
    FrameBuffer buffer;
    auto bytes = frame(TrainerRequest(StopRequest{}));
    bytes[4] = std::byte{200};  // unknown type

    buffer.append(bytes);

    CHECK_THROWS_AS(buffer.next_request(), DataError);
}

TEST_CASE("a network without particle lists has no bytes of theirs") {
    const Network network{.inputs = 2, .hidden = {64, 32}, .activation = Activation::tanh};
    const std::vector<int> before{0,  2, 0, 0, 0,            // kind, inputs
                                  2,  0, 0, 0, 0,  0, 0, 0,  // number of layers
                                  64, 0, 0, 0, 32, 0, 0, 0,  // their widths
                                  2,  1, 0, 0, 0,            // activation, outputs
                                  0,  0, 0, 0, 0,  0};       // layer_norm, log_features, gram
    std::vector<int> now;
    for (const std::byte byte : encode(network)) now.push_back(std::to_integer<int>(byte));

    CHECK(now == before);
}

TEST_CASE("a network of particle lists arrives with all its members") {
    Network network{.kind = NetworkKind::graph, .inputs = 2, .hidden = {64}};
    network.particles = {"eta", "phi"};
    network.max_particles = 9;
    network.width = 8;
    network.blocks = 7;
    network.heads = 6;
    network.neighbours = 5;
    network.beams = true;
    InferRequest request;
    request.network = network;
    request.sample.particles = {{"E", "px"}, 1, 2, 3, 4};
    FrameBuffer buffer;
    buffer.append(frame(TrainerRequest(request)));

    const auto arrived = std::get<InferRequest>(buffer.next_request().value());

    CHECK(arrived.network == network);
    CHECK(arrived.sample.particles == request.sample.particles);
}
