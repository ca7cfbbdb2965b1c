#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace ratiofarm {

/// A number that names one kind of thing; converts neither from int nor to another Id.
template <class Tag>
struct Id {
    std::uint64_t value = 0;

    constexpr Id() = default;
    constexpr explicit Id(std::uint64_t number) : value(number) {}
    friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace ratiofarm

template <class Tag>
struct std::hash<ratiofarm::Id<Tag>> {
    std::size_t operator()(ratiofarm::Id<Tag> id) const noexcept {
        return std::hash<std::uint64_t>{}(id.value);
    }
};
