#include "farm/message.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("every message survives the wire") {
    const std::vector<Message> messages{
        Ready{},
        Heartbeat{AttemptId(3), {0.5, 7, 0.61}},
        Finished{AttemptId(3), {1, 2}, {TaskOutcome::crashed, "signal 9", 10, 11, 1.5, true}},
        Assign{AttemptId(4), {{5, 6}, "S/member 1", 2.5, {std::byte{1}, std::byte{2}}}},
        Checkpoint{},
        Stop{},
        Quit{}};
    for (const Message& message : messages) {
        const auto bytes = encode_message(message);
        const Message copy = decode_message(bytes);
        CHECK(copy.index() == message.index());
        CHECK(encode_message(copy) == bytes);
    }
}

TEST_CASE("damaged messages are refused") {
    auto bytes = encode_message(Assign{AttemptId(4), {{5, 6}, "S/member 1", 2.5, {}}});
    CHECK_THROWS_AS(decode_message({}), DataError);
    CHECK_THROWS_AS(decode_message(std::span(bytes).first(bytes.size() - 1)), DataError);
    bytes[0] = std::byte{77};
    CHECK_THROWS_AS(decode_message(bytes), DataError);
}
