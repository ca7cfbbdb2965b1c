#include "ratio_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/core/errors.hpp"

#include "checked_column.hpp"

namespace ratiofarm {

namespace {

/// A ratio may be zero (log r = -inf), but must be a finite number.
bool is_usable(float log_ratio) {
    return log_ratio < std::numeric_limits<float>::infinity();  // false for NaN
}

void check_block(const RatioBlock& block,
                 const std::vector<std::uint64_t>& rows,
                 const std::string& who) {
    if (block.log_ratio.size() != rows.size() || block.spread.size() != rows.size()) {
        throw DataError(who + ": " + std::to_string(block.log_ratio.size()) + " ratios and " +
                        std::to_string(block.spread.size()) + " spreads for " +
                        std::to_string(rows.size()) + " inference events");
    }
    const auto bad = std::find_if_not(block.log_ratio.begin(), block.log_ratio.end(), is_usable);
    if (bad == block.log_ratio.end()) return;
    const std::uint64_t row = rows[static_cast<std::size_t>(bad - block.log_ratio.begin())];
    throw DataError(who + " row " + std::to_string(row) + ": ln r is " + std::to_string(*bad));
}

}  // namespace

const RatioBlockLoader::LoadedRange& RatioBlockLoader::load_range(std::uint64_t set,
                                                                  std::uint64_t range) {
    if (loaded_ && loaded_->set == set && loaded_->range == range) return *loaded_;
    LoadedRange loaded{
        .set = set, .range = range, .rows = selections_[set].rows_of(range), .processes = {}};
    for (std::uint64_t process = 0; process < input_.header.processes.size(); ++process) {
        loaded.processes.push_back(provider_({.set = set, .process = process, .range = range}));
        check_block(loaded.processes.back(), loaded.rows,
                    "sample '" + input_.sets[set].sample.name + "', process '" +
                        input_.header.processes[process].name + "', range " +
                        std::to_string(range));
    }
    return loaded_.emplace(std::move(loaded));
}

void RatioBlockLoader::append(const LoadedRange& loaded, Range part, RatioBlockRows& block) const {
    const RatioSelection& selection = selections_[loaded.set];
    for (std::uint64_t event = part.first; event < part.last; ++event) {
        const std::uint64_t row = loaded.rows[event];
        block.row.push_back(row);
        block.id.push_back(selection.sample().id()[row]);
        block.weight.push_back(selection.sample().weight()[row] * selection.scale());
        for (const RatioBlock& process : loaded.processes) {
            block.log_r.push_back(process.log_ratio[event]);
            block.spread.push_back(process.spread[event]);
        }
    }
}

RatioBlockRows RatioBlockLoader::load(const BlockPlace& place) {
    const RatioSelection& selection = selections_[place.set];
    const Range events = rows_of_block(place.block, selection.events());
    const Range ranges = selection.ranges_of(events);
    RatioBlockRows block;
    for (std::uint64_t range = ranges.first; range < ranges.last; ++range) {
        const Range inside = selection.events_of(range);
        const Range part{std::max(events.first, inside.first), std::min(events.last, inside.last)};
        if (part.first >= part.last) continue;
        append(load_range(place.set, range), {part.first - inside.first, part.last - inside.first},
               block);
    }
    return block;
}

}  // namespace ratiofarm
