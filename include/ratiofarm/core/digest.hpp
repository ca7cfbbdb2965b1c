#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ratiofarm {

/// 128 bits that identify content: XXH3 of everything that determines it. Not cryptographic.
struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend constexpr auto operator<=>(const Digest&, const Digest&) = default;

    /// 32 lower-case hexadecimal digits.
    std::string hex() const;

    /// \throws DataError unless the text is 32 hexadecimal digits.
    static Digest from_hex(std::string_view text);
};

/// Collects bytes in order and names their content. Every text is preceded by its length, so
/// ("ab", "c") and ("a", "bc") differ.
class Hasher {
public:
    Hasher();
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;

    Hasher& bytes(std::span<const std::byte> data);
    Hasher& text(std::string_view data);
    Hasher& number(std::uint64_t data);
    Hasher& digest(const Digest& data);

    Digest finish() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// CRC-32 of zlib (polynomial 0xEDB88320): detects damage of stored bytes; Python's zlib.crc32.
std::uint32_t crc32(std::span<const std::byte> data, std::uint32_t start = 0);

/// XXH3 of 64 bits with seed 0, an order of magnitude faster than a CRC: for columns of gigabytes.
std::uint64_t xxh3(std::span<const std::byte> data);

}  // namespace ratiofarm

template <>
struct std::hash<ratiofarm::Digest> {
    std::size_t operator()(const ratiofarm::Digest& digest) const noexcept { return digest.low; }
};
