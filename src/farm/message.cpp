#include "message.hpp"

namespace ratiofarm {
namespace {

template <std::size_t index = 0>
Message decode_alternative(std::size_t wanted, std::span<const std::byte> body) {
    if constexpr (index == std::variant_size_v<Message>) {
        throw DataError("farm message of unknown type: the ranks run different versions");
    } else {
        if (index != wanted) return decode_alternative<index + 1>(wanted, body);
        return decode<std::variant_alternative_t<index, Message>>(body);
    }
}

}  // namespace

std::vector<std::byte> encode_message(const Message& message) {
    auto bytes = std::visit([](const auto& value) { return encode(value); }, message);
    bytes.insert(bytes.begin(), static_cast<std::byte>(message.index()));
    return bytes;
}

Message decode_message(std::span<const std::byte> bytes) {
    if (bytes.empty()) throw DataError("empty farm message");
    return decode_alternative(static_cast<std::size_t>(bytes.front()), bytes.subspan(1));
}

}  // namespace ratiofarm
