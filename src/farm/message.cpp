#include "message.hpp"

namespace ratiofarm {
std::vector<std::byte> encode_message(const Message& message) {
    auto bytes = std::visit([](const auto& value) { return encode(value); }, message);
    bytes.insert(bytes.begin(), static_cast<std::byte>(message.index()));
    return bytes;
}

Message decode_message(std::span<const std::byte> bytes) {
    if (bytes.empty()) throw DataError("empty farm message");
    return decode_alternative<Message>(
        static_cast<std::size_t>(bytes.front()), bytes.subspan(1),
        "farm message of unknown type: the ranks run different versions");
}

}  // namespace ratiofarm
