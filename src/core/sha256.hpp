#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ratiofarm {

/// SHA-256 of some bytes, as 64 hexadecimal digits; for files that are handed on, whose receivers
/// have `sha256sum`. Inside the house XXH3 (Hasher) is a hundred times as fast. Source: FIPS 180-4.
std::string sha256(std::span<const std::byte> data);

}  // namespace ratiofarm
