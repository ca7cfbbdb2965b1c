#include "event_blocks.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <span>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "fit/kernels/guards.hpp"

#include "parallel.hpp"

namespace ratiofarm {
namespace {

/// Large enough that a read is efficient, small enough that threads share the work and that the
/// copies in flight are small beside the events.
std::uint64_t events_of_piece(const EventSource& source, std::uint64_t n_events, unsigned threads) {
    constexpr std::uint64_t bytes = std::uint64_t{3} << 23;
    constexpr std::uint64_t checked = 4096;  // events of a ratio file with one checksum
    const std::uint64_t per_event = 16 + 8 * source.processes.size() + 8 * source.shapes.size();
    const std::uint64_t share = n_events / (4 * std::uint64_t{threads}) + 1;
    const std::uint64_t wanted = std::min(bytes / per_event + 1, share);
    const std::uint64_t unit = 2 * wanted > checked ? checked : shape_block;
    return (wanted + unit - 1) / unit * unit;
}

/// Largest size of 64 numbers. NaN and infinity come out as such.
float largest_size(const float* values) {
    std::int32_t largest = 0;
    for (std::size_t i = 0; i < shape_block; ++i) {
        // As integers the sizes of floats are in order, NaN and infinity last.
        const std::int32_t size = std::bit_cast<std::int32_t>(values[i]) & 0x7fffffff;
        largest = size > largest ? size : largest;
    }
    return std::bit_cast<float>(largest);
}

std::uint8_t reach_of(float largest) {
    std::uint8_t reach = 0;
    for (float bound = 0.125F; largest > bound; bound *= 2.0F) ++reach;
    return reach;
}

void expect_as_asked(const EventSource& source, const EventSet& events, Range range) {
    const std::uint64_t n = range.size();
    RATIOFARM_EXPECT(events.offset == range.first && events.size() == n);
    RATIOFARM_EXPECT(events.processes == source.processes && events.shapes == source.shapes);
    RATIOFARM_EXPECT(events.log_r.size() == n * source.processes.size());
    RATIOFARM_EXPECT(events.log_g.size() == 2 * n * source.shapes.size());
    RATIOFARM_EXPECT(events.reference.empty() || events.reference.size() == n);
}

std::string bad_shape(const EventSet& events, std::size_t column, std::size_t side, std::size_t i) {
    const ShapeColumn& shape = events.shapes[column];
    return event_name(events, i) + ": log g of process '" + shape.process + "' for '" +
           shape.parameter + (side == 0 ? "' up = " : "' down = ") +
           std::to_string(events.log_g[(2 * column + side) * events.size() + i]) +
           " (must be finite; a network that diverged?)";
}

/// Anchors of a piece of events that are too large, and what their events weigh.
class Clipping {
public:
    Clipping(std::size_t n_processes, const std::vector<std::uint32_t>& used)
        : used_(used), counts_(n_processes) {}

    /// \param values  those of the events from `first`; become smaller than the limit
    void clip(std::size_t process, std::size_t first, std::span<float> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool clip = std::abs(values[i]) > largest_log_g;
            if (clip && used_[first + i] != 0) {
                ++counts_[process];
                float& most = largest_.try_emplace({process, first + i}, 0.0F).first->second;
                most = std::max(most, values[i]);
            }
            values[i] = std::clamp(values[i], -largest_log_g, largest_log_g);
        }
    }

    /// \param anchors  [S][count, share]
    void add_to(std::vector<std::uint64_t>& anchors, const EventSet& events) const {
        for (std::size_t j = 0; j < counts_.size(); ++j) anchors[2 * j] += counts_[j];
        if (events.reference.empty()) return;
        for (const auto& [where, most] : largest_) {
            const auto [process, i] = where;
            const double part = std::abs(events.reference[i]) *
                                portable_exp(double{events.log_r[i * counts_.size() + process]} +
                                             std::min(double{most}, 10.0));
            anchors[2 * process + 1] +=
                static_cast<std::uint64_t>(std::min(part, 1e4) / EventBlocks::share_unit);
        }
    }

private:
    const std::vector<std::uint32_t>& used_;
    std::vector<std::uint64_t> counts_;                             // [S]
    std::map<std::pair<std::size_t, std::size_t>, float> largest_;  // [process, event]: ln g
};

}  // namespace

/// ln g of the events of a block on one side.
struct EventBlocks::Shapes {
    const float* values = nullptr;  // [64]
    float largest = 0.0F;           // size
};

struct EventBlocks::Found {
    std::uint64_t n_zero_weight = 0;
    std::vector<std::uint64_t> clipped_anchors;
    std::vector<std::uint64_t> parities;
    // [events of the piece], all bits of one that has weight or reference weight
    std::vector<std::uint32_t> used;
    std::vector<std::uint32_t> known;  // [S][events of the piece], of those the process reaches
};

EventBlocks::EventBlocks(const Request& request)
    : cut_(request.source.total),
      shards_(request.shards),
      events_(cut_.events(request.shards)),
      n_processes_(request.source.processes.size()),
      n_columns_(request.columns.size()),
      bytes_per_anchor_(request.storage == ShapeStorage::fp16 ? 2 : 4),
      clipped_anchors_(2 * n_processes_),
      parities_(2 * n_columns_) {
    allocate();
    const unsigned threads = std::max(1U, request.threads);
    const std::uint64_t size = events_of_piece(request.source, events_.size(), threads);
    const std::uint64_t first_piece = events_.first / size;  // of all events, not of this rank
    const std::uint64_t n_pieces =
        events_.size() == 0 ? 0 : (events_.last + size - 1) / size - first_piece;
    std::mutex mutex;
    std::uint64_t failed = n_pieces;  // the first piece that cannot be used
    std::exception_ptr why;
    for_each_in_parallel(n_pieces, threads, [&](std::size_t piece, std::size_t) {
        {
            const std::scoped_lock lock(mutex);
            if (piece > failed) return;
        }
        try {
            const std::uint64_t begin = (first_piece + piece) * size;
            const Range range{std::max(events_.first, begin), std::min(events_.last, begin + size)};
            const EventSet events = request.source.read(range);
            expect_as_asked(request.source, events, range);
            Found found;
            load(request, events, found);
            const std::scoped_lock lock(mutex);
            join(found);
        } catch (...) {
            const std::scoped_lock lock(mutex);
            if (piece >= failed) return;
            failed = piece;
            why = std::current_exception();
        }
    });
    if (why) std::rethrow_exception(why);
}

void EventBlocks::allocate() {
    const std::size_t n = (events_.size() + shape_block - 1) / shape_block;
    weight_ = AlignedArray<double>(n * shape_block);
    reference_ = AlignedArray<double>(n * shape_block);
    ratio_ = AlignedArray<double>(n * n_processes_ * shape_block);
    log_g_ = AlignedArray<std::byte>(n * n_columns_ * 2 * shape_block * bytes_per_anchor_);
    reach_ = AlignedArray<std::uint8_t>(n * n_columns_);
    any_data_.resize(n);
    any_reference_.resize(n);
}

void EventBlocks::load(const Request& request, const EventSet& events, Found& found) {
    const std::string problem = first_bad_event(events);
    if (!problem.empty()) throw DataError(problem);
    const std::size_t first_block = (events.offset - events_.first) / shape_block;
    found.clipped_anchors.resize(2 * n_processes_);
    load_weights(events, first_block, found);
    load_ratios(events, first_block, found);
    const std::string bad = load_shapes(request, events, first_block, found);
    if (!bad.empty()) throw DataError(bad);
}

void EventBlocks::load_weights(const EventSet& events, std::size_t first_block, Found& found) {
    const std::size_t n = events.size();
    const std::size_t padded = (n + shape_block - 1) / shape_block * shape_block;
    found.used.resize(n);
    for (std::size_t i = 0; i < padded; ++i) {
        const double w = i < n ? events.weight[i] : 0.0;
        const double reference = i < n && !events.reference.empty() ? events.reference[i] : 0.0;
        weight_.data()[first_block * shape_block + i] = w;
        reference_.data()[first_block * shape_block + i] = reference;
        if (w != 0.0) any_data_[first_block + i / shape_block] = 1;
        if (reference != 0.0) any_reference_[first_block + i / shape_block] = 1;
        if (i >= n) continue;
        found.used[i] = -std::uint32_t{w != 0.0 || reference != 0.0};
        if (found.used[i] == 0) ++found.n_zero_weight;
    }
}

void EventBlocks::load_ratios(const EventSet& events, std::size_t first_block, Found& found) {
    constexpr double least = -4.6;  // where r < 0.01 no event of the process taught nets its g
    const std::size_t n = events.size();
    found.known.resize(n_processes_ * n);
    for (std::size_t j = 0; j < n_processes_; ++j) {
        for (std::size_t i = 0; i < n; ++i) {
            const bool known = events.log_r[i * n_processes_ + j] > least;
            found.known[j * n + i] = found.used[i] & -std::uint32_t{known};
        }
    }
    for (std::size_t i = 0; i < (n + shape_block - 1) / shape_block * shape_block; ++i) {
        const std::size_t block = first_block + i / shape_block;
        const ShapeBlock to = this->block(Weights::data, block);
        double* ratio = ratio_.data() + (to.ratio - ratio_.data()) + i % shape_block;
        for (std::size_t j = 0; j < n_processes_; ++j) {
            ratio[j * to.ratio_stride] =
                i < n ? portable_exp(events.log_r[i * n_processes_ + j]) : 1.0;
        }
    }
}

/// \return what is wrong with the first event that has a log g that is not finite
std::string EventBlocks::load_shapes(const Request& request,
                                     const EventSet& events,
                                     std::size_t first_block,
                                     Found& found) {
    const std::size_t n = events.size();
    std::size_t first_bad = n;
    std::string problem;
    Clipping clipping(n_processes_, found.used);
    alignas(64) float values[shape_block];
    found.parities.resize(2 * n_columns_);
    for (std::size_t c = 0; c < 2 * n_columns_; ++c) {
        const std::size_t column = request.columns[c / 2];
        const std::size_t process = request.process_of[c / 2];
        const float* from = events.log_g.data() + (2 * column + c % 2) * n;
        for (std::size_t first = 0; first < n; first += shape_block) {
            const std::size_t count = std::min(shape_block, n - first);
            std::copy_n(from + first, count, values);
            std::fill(values + count, values + shape_block, 0.0F);
            float largest = largest_size(values);
            if (!std::isfinite(largest)) {
                std::size_t i = first;
                while (std::isfinite(from[i])) ++i;
                if (i < first_bad) problem = bad_shape(events, column, c % 2, i);
                first_bad = std::min(first_bad, i);
                continue;
            }
            if (largest > largest_log_g) {
                clipping.clip(process, first, {values, count});
                largest = largest_log_g;
            }
            store_shapes(request, {values, largest}, first_block + first / shape_block, c);
        }
        if (c % 2 == 0) continue;  // both sides of the column are in the cache now
        const ParitySums sums = request.parity(from - n, from, found.known.data() + process * n, n);
        found.parities[c - 1] += sums.even;
        found.parities[c] += sums.odd;
    }
    clipping.add_to(found.clipped_anchors, events);
    return problem;
}

/// \param side  [columns][up, down]; up comes first
void EventBlocks::store_shapes(const Request& request,
                               const Shapes& shapes,
                               std::size_t block,
                               std::size_t side) {
    const std::size_t at = block * n_columns_ + side / 2;
    const std::uint8_t reach = reach_of(shapes.largest);
    std::uint8_t& both = reach_.data()[at];
    both = side % 2 == 0 ? reach : std::max(both, reach);
    std::byte* to = log_g_.data() + (at * 2 + side % 2) * shape_block * bytes_per_anchor_;
    if (bytes_per_anchor_ == 2) {
        request.to_half(shapes.values, reinterpret_cast<std::uint16_t*>(to), shape_block);
    } else {
        std::copy_n(shapes.values, shape_block, reinterpret_cast<float*>(to));
    }
}

void EventBlocks::join(const Found& found) {
    for (std::size_t k = 0; k < parities_.size(); ++k) parities_[k] += found.parities[k];
    n_zero_weight_ += found.n_zero_weight;
    for (std::size_t k = 0; k < clipped_anchors_.size(); ++k) {
        clipped_anchors_[k] += found.clipped_anchors[k];
    }
}

Range EventBlocks::blocks(std::size_t shard) const {
    const std::uint64_t per_shard = cut_.size / shape_block;
    return {shard * per_shard, std::min<std::uint64_t>((shard + 1) * per_shard, n_blocks())};
}

bool EventBlocks::any(Weights weights, std::size_t block) const {
    return (weights == Weights::data ? any_data_ : any_reference_)[block] != 0;
}

ShapeBlock EventBlocks::block(Weights weights, std::size_t block) const {
    const Range of_shard = blocks(block / (cut_.size / shape_block));
    const auto& weight = weights == Weights::data ? weight_ : reference_;
    const std::size_t bytes = n_columns_ * 2 * shape_block * bytes_per_anchor_;
    std::size_t next = block + 1;
    while (next < n_blocks() && !any(weights, next)) ++next;
    const auto* ahead = reinterpret_cast<const char*>(log_g_.data()) + next * bytes;
    return {.weight = weight.data() + block * shape_block,
            .ratio = ratio_.data() +
                     (of_shard.first * n_processes_ + block - of_shard.first) * shape_block,
            .ratio_stride = of_shard.size() * shape_block,
            .log_g = log_g_.data() + block * bytes,
            .reach = reach_.data() + block * n_columns_,
            .ahead = {ahead, next < n_blocks() ? ahead + bytes : ahead}};
}

std::uint64_t EventBlocks::n_bytes() const {
    return weight_.n_bytes() + reference_.n_bytes() + ratio_.n_bytes() + log_g_.n_bytes() +
           reach_.n_bytes() + any_data_.size() + any_reference_.size();
}

}  // namespace ratiofarm
