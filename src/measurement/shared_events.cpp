#include "shared_events.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

std::vector<std::uint64_t> sorted_ids(const RatioFile& file, const RatioSet& set) {
    std::vector<std::uint64_t> ids = file.read_columns(set.name, {0, set.events}).id;
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::string region_text(const Campaign& campaign, const RatioFiles& ratios, std::size_t r) {
    return fmt::format("region '{}' ('{}')", campaign.unbinned[r].name, ratios[r]->path().string());
}

void compare(const Campaign& campaign, const RatioFiles& ratios, std::size_t a, std::size_t b) {
    for (const RatioSet& set : ratios[a]->sets()) {
        const auto& others = ratios[b]->sets();
        const auto other = std::ranges::find(others, set.name, &RatioSet::name);
        if (other == others.end()) continue;
        const auto mine = sorted_ids(*ratios[a], set);
        const auto theirs = sorted_ids(*ratios[b], *other);
        std::vector<std::uint64_t> shared;
        std::ranges::set_intersection(mine, theirs, std::back_inserter(shared));
        if (shared.empty()) continue;
        throw DataError(
            fmt::format("{} and {} share {} events of sample '{}' (the same ids), for example {}: "
                        "an event in two regions counts twice. Separate the regions by cuts or, if "
                        "the events differ, give each its own id",
                        region_text(campaign, ratios, a), region_text(campaign, ratios, b),
                        shared.size(), set.name, shared.front()));
    }
}

}  // namespace

void expect_no_shared_events(const Campaign& campaign, const RatioFiles& ratios) {
    for (std::size_t b = 1; b < ratios.size(); ++b) {
        for (std::size_t a = 0; a < b; ++a) compare(campaign, ratios, a, b);
    }
}

}  // namespace ratiofarm
