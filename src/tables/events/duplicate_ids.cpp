#include "duplicate_ids.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <vector>

namespace ratiofarm {

namespace {

/// First repetition, once it is known that there is one.
DuplicateId first_repetition(std::span<const std::uint64_t> ids) {
    std::unordered_map<std::uint64_t, std::uint64_t> seen;
    for (std::uint64_t row = 0; row < ids.size(); ++row) {
        const auto [place, is_new] = seen.emplace(ids[row], row);
        if (!is_new) return {.id = ids[row], .row = row, .before = place->second};
    }
    return {};
}

}  // namespace

std::optional<DuplicateId> find_duplicate_id(std::span<const std::uint64_t> ids) {
    if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) {
        return std::nullopt;
    }
    std::vector<std::uint64_t> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    const auto distinct = std::unique(sorted.begin(), sorted.end());
    const auto repetitions = static_cast<std::uint64_t>(sorted.end() - distinct);
    if (repetitions == 0) return std::nullopt;
    DuplicateId duplicate = first_repetition(ids);
    duplicate.rows = repetitions;
    return duplicate;
}

}  // namespace ratiofarm
