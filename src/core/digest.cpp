#include "ratiofarm/core/digest.hpp"

#include <algorithm>
#include <charconv>

#include <xxhash.h>
#include <zlib.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest Digest::from_hex(std::string_view text) {
    Digest digest;
    const auto parse = [](std::string_view part, std::uint64_t& value) {
        const auto [end, error] =
            std::from_chars(part.data(), part.data() + part.size(), value, 16);
        return error == std::errc{} && end == part.data() + part.size();
    };
    if (text.size() != 32 || !parse(text.substr(0, 16), digest.high) ||
        !parse(text.substr(16), digest.low)) {
        throw DataError(fmt::format("'{}' is not a digest (32 hexadecimal digits)", text));
    }
    return digest;
}

/// The state is opaque in the shared library's interface: it is made and freed there.
struct Hasher::State {
    State() : hash(XXH3_createState()) {}
    ~State() { XXH3_freeState(hash); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    XXH3_state_t* hash;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->hash); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::bytes(std::span<const std::byte> data) {
    XXH3_128bits_update(state_->hash, data.data(), data.size());
    return *this;
}

Hasher& Hasher::number(std::uint64_t data) { return bytes(std::as_bytes(std::span(&data, 1))); }

Hasher& Hasher::text(std::string_view data) {
    return number(data.size()).bytes(std::as_bytes(std::span(data)));
}

Hasher& Hasher::digest(const Digest& data) { return number(data.high).number(data.low); }

Digest Hasher::finish() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_->hash);
    return {hash.high64, hash.low64};
}

std::uint32_t crc32(std::span<const std::byte> data, std::uint32_t start) {
    return static_cast<std::uint32_t>(
        ::crc32_z(start, reinterpret_cast<const unsigned char*>(data.data()), data.size()));
}

std::uint64_t xxh3(std::span<const std::byte> data) {
    return XXH3_64bits(data.data(), data.size());
}

}  // namespace ratiofarm
