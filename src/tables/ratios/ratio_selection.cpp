#include "ratio_selection.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

RatioSelection::RatioSelection(const RatioSetInput& set, std::uint64_t range_size)
    : sample_(set.sample), split_(set.split), range_size_(range_size), first_event_{0} {
    RATIOFARM_EXPECT(range_size > 0);
    double total = 0.0;
    for (std::uint64_t range = 0; range * range_size < sample_.events(); ++range) {
        const std::vector<std::uint64_t> rows = rows_of(range);
        double weights = 0.0;
        for (const std::uint64_t row : rows) weights += sample_.weight()[row];
        total += weights;
        first_event_.push_back(first_event_.back() + rows.size());
    }
    sum_of_weights_ = set.yield.value_or(total);
    if (!set.yield) return;
    if (!(total > 0.0)) {
        throw DataError("sample '" + set.sample.name + "': the weights of its " +
                        std::to_string(events()) + " inference events sum to " +
                        std::to_string(total) + ", must be > 0");
    }
    scale_ = *set.yield / total;
}

Range RatioSelection::ranges_of(Range events) const {
    if (events.empty()) return {};
    const auto after = [&](std::uint64_t event) {
        const auto place = std::upper_bound(first_event_.begin(), first_event_.end(), event);
        return static_cast<std::uint64_t>(place - first_event_.begin());
    };
    return {after(events.first) - 1, after(events.last - 1)};
}

std::vector<std::uint64_t> RatioSelection::rows_of(std::uint64_t range) const {
    const std::uint64_t last = std::min((range + 1) * range_size_, sample_.events());
    std::vector<std::uint64_t> rows;
    for (std::uint64_t row = range * range_size_; row < last; ++row) {
        if (split_part(sample_.id()[row], split_) == SplitPart::inference) rows.push_back(row);
    }
    return rows;
}

}  // namespace ratiofarm
