#include "ratio_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "tables/checked_column.hpp"

namespace ratiofarm {
namespace {

/// A ratio r may be zero (ln r = -inf); g may not, because it is raised to a power.
bool is_usable(float log_ratio, RatioKind kind) {
    if (kind == RatioKind::up || kind == RatioKind::down) return std::isfinite(log_ratio);
    return log_ratio < std::numeric_limits<float>::infinity();  // false for NaN
}

/// Lines of members that a block must bring along.
std::uint64_t member_count(const RatioHeader& header, const RatioBlockKey& key) {
    const auto of = [&](const std::vector<std::uint32_t>& lines) -> std::uint64_t {
        return lines.empty() ? 0 : lines[key.column];
    };
    if (key.kind == RatioKind::replicas) return of(header.replicas);
    return key.kind == RatioKind::process ? of(header.members) : header.shape_nets;
}

}  // namespace

std::string RatioRangeLoader::description(const RatioBlockKey& key) const {
    std::string text = "sample '" + input_.sets[key.set].sample.name + "', ";
    if (key.kind == RatioKind::up || key.kind == RatioKind::down) {
        const RatioShape& shape = input_.header.shapes[key.column];
        text += "'" + shape.parameter + "' " + (key.kind == RatioKind::up ? "up" : "down") +
                " of process '" + shape.process + "'";
    } else {
        text += std::string(key.kind == RatioKind::replicas ? "replicas of " : "") + "process '" +
                input_.header.processes[key.column].name + "'";
    }
    return text + ", range " + std::to_string(key.range);
}

RatioBlock RatioRangeLoader::load(const RatioBlockKey& key) const {
    RatioBlock block = provider_(key);
    check(key, block);
    return block;
}

void RatioRangeLoader::check(const RatioBlockKey& key, const RatioBlock& block) const {
    const std::uint64_t events = selections_[key.set].events_of(key.range).size();
    if (block.log_ratio.size() != events || block.spread.size() != events) {
        throw DataError(description(key) + ": " + std::to_string(block.log_ratio.size()) +
                        " ratios and " + std::to_string(block.spread.size()) + " spreads for " +
                        std::to_string(events) + " inference events");
    }
    const std::uint64_t lines = member_count(input_.header, key);
    if (lines > 0 && block.members.size() != lines * events) {
        throw DataError(description(key) + ": " + std::to_string(block.members.size()) +
                        " ratios of single nets for " + std::to_string(events) +
                        " inference events and " + std::to_string(lines) + " nets");
    }
    const auto bad =
        std::find_if_not(block.log_ratio.begin(), block.log_ratio.end(),
                         [&](float log_ratio) { return is_usable(log_ratio, key.kind); });
    if (bad == block.log_ratio.end()) return;
    const auto rows = selections_[key.set].rows_of(key.range);
    throw DataError(description(key) + " row " +
                    std::to_string(rows[static_cast<std::size_t>(bad - block.log_ratio.begin())]) +
                    ": the logarithm of the ratio is " + std::to_string(*bad));
}

std::vector<BlockPart> parts_of(const RatioSelection& selection, std::uint64_t block) {
    const Range events = rows_of_block(block, selection.events());
    const Range ranges = selection.ranges_of(events);
    std::vector<BlockPart> parts;
    for (std::uint64_t range = ranges.first; range < ranges.last; ++range) {
        const Range inside = selection.events_of(range);
        const Range part{std::max(events.first, inside.first), std::min(events.last, inside.last)};
        if (part.first >= part.last) continue;
        parts.push_back({range, {part.first - inside.first, part.last - inside.first}});
    }
    return parts;
}

const RatioBlockLoader::LoadedRange& RatioBlockLoader::load_range(std::uint64_t set,
                                                                  std::uint64_t range) {
    if (loaded_ && loaded_->set == set && loaded_->range == range) return *loaded_;
    LoadedRange loaded{
        .set = set, .range = range, .rows = selections_[set].rows_of(range), .processes = {}};
    for (std::uint64_t process = 0; process < input_.header.processes.size(); ++process) {
        loaded.processes.push_back(ranges_.load(
            {.set = set, .kind = RatioKind::process, .column = process, .range = range}));
        loaded.processes.back().members = {};  // they have lines of their own
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
    RatioBlockRows block;
    for (const BlockPart& part : parts_of(selections_[place.set], place.block)) {
        append(load_range(place.set, part.range), part.inside, block);
    }
    return block;
}

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
