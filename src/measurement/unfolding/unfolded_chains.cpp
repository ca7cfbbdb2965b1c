#include "unfolded_chains.hpp"

#include <map>
#include <tuple>

#include <fmt/format.h>

namespace ratiofarm {

std::string chain_name(const UnfoldedChain& chain) {
    std::string replica = "nominal";
    if (chain.data_replica > 0) replica = fmt::format("data {}", chain.data_replica);
    if (chain.mc_replica > 0) replica = fmt::format("mc {}", chain.mc_replica);
    return fmt::format("'{}/{}/{}'", chain.variation.empty() ? "nominal" : chain.variation, replica,
                       chain.member);
}

std::vector<ChainGroup> group_chains(std::span<const UnfoldedChain> chains) {
    std::vector<ChainGroup> groups;
    std::map<std::tuple<std::string, std::uint32_t, std::uint32_t>, std::size_t> places;
    for (const UnfoldedChain& chain : chains) {
        const auto [place, is_new] = places.try_emplace(
            {chain.variation, chain.data_replica, chain.mc_replica}, groups.size());
        if (is_new) {
            groups.push_back({chain.variation, chain.data_replica, chain.mc_replica, {}});
        }
        groups[place->second].members.push_back(&chain);
    }
    return groups;
}

}  // namespace ratiofarm
