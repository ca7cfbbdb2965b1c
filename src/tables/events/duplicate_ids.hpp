#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace ratiofarm {

/// An id that occurs twice.
struct DuplicateId {
    std::uint64_t id = 0;
    std::uint64_t row = 0;     ///< the first row whose id was there before
    std::uint64_t before = 0;  ///< where it was
    std::uint64_t rows = 0;    ///< how many rows repeat an id
};

/// n log n at worst; linear when ids are increasing, as they mostly are.
std::optional<DuplicateId> find_duplicate_id(std::span<const std::uint64_t> ids);

}  // namespace ratiofarm
