#include "seeds.hpp"

#include "ratiofarm/core/digest.hpp"

namespace ratiofarm {

std::uint64_t seed_for(std::uint64_t campaign_seed, std::string_view name, Stream stream) {
    return Hasher()
        .text("ratiofarm seed")
        .number(campaign_seed)
        .text(name)
        .number(static_cast<std::uint64_t>(stream))
        .finish()
        .low;
}

}  // namespace ratiofarm
