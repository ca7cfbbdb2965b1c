#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "ratio_writer.hpp"

namespace ratiofarm {

/// Which events of a sample enter the ratio file: those of the inference split, in file order.
class RatioSelection {
public:
    /// Maps the sample and looks at the id of every event.
    /// \throws DataError if no event is selected but a yield is declared, or if their weights do
    ///         not sum to something positive then
    RatioSelection(const RatioSetInput& set, std::uint64_t range_size);

    const MappedSample& sample() const { return sample_; }
    std::uint64_t events() const { return first_event_.back(); }
    double scale() const { return scale_; }                    ///< from stored weights to the yield
    double sum_of_weights() const { return sum_of_weights_; }  ///< after scaling

    /// Ranges of file rows that hold these events, as indices [first, last).
    Range ranges_of(Range events) const;

    /// Events of one range, counted from the first of the sample.
    Range events_of(std::uint64_t range) const {
        return {first_event_[range], first_event_[range + 1]};
    }

    /// File rows of the events of one range.
    std::vector<std::uint64_t> rows_of(std::uint64_t range) const;

private:
    MappedSample sample_;
    Split split_;
    std::uint64_t range_size_;
    std::vector<std::uint64_t> first_event_;  ///< [ranges + 1]
    double scale_ = 1.0;
    double sum_of_weights_ = 0.0;
};

/// One block of at most rows_per_block events of a set.
struct BlockPlace {
    std::uint64_t set = 0;
    std::uint64_t block = 0;
};

/// All columns of one block; n events, P processes.
struct RatioBlockRows {
    std::vector<std::uint64_t> id;   ///< [n]
    std::vector<std::uint64_t> row;  ///< [n], in the events file
    std::vector<double> weight;      ///< [n], scaled
    std::vector<float> log_r;        ///< [n, P] row-major, not normalised
    std::vector<float> spread;       ///< [n, P]
};

/// What ensembles gave for ranges of file rows, checked.
class RatioRangeLoader {
public:
    RatioRangeLoader(const RatioInput& input,
                     const RatioProvider& provider,
                     std::span<const RatioSelection> selections)
        : input_(input), provider_(provider), selections_(selections) {}

    /// \throws DataError naming sample, ensemble and row if a ratio cannot be used or is missing
    RatioBlock load(const RatioBlockKey& key) const;

private:
    std::string description(const RatioBlockKey& key) const;
    void check(const RatioBlockKey& key, const RatioBlock& block) const;

    const RatioInput& input_;
    const RatioProvider& provider_;
    std::span<const RatioSelection> selections_;
};

/// Events of one block that lie in one range of file rows.
struct BlockPart {
    std::uint64_t range = 0;
    Range inside;  ///< counted from the first event of the range
};
std::vector<BlockPart> parts_of(const RatioSelection& selection, std::uint64_t block);

/// Assembles blocks of events from the results of the evaluation tasks, whose ranges of file rows
/// are another partition of the events.
class RatioBlockLoader {
public:
    RatioBlockLoader(const RatioInput& input,
                     const RatioProvider& provider,
                     std::span<const RatioSelection> selections)
        : input_(input), ranges_(input, provider, selections), selections_(selections) {}

    /// \throws DataError naming sample, process and row if a ratio cannot be used or is missing
    RatioBlockRows load(const BlockPlace& place);

private:
    struct LoadedRange {
        std::uint64_t set = 0;
        std::uint64_t range = 0;
        std::vector<std::uint64_t> rows;
        std::vector<RatioBlock> processes;
    };

    const LoadedRange& load_range(std::uint64_t set, std::uint64_t range);
    void append(const LoadedRange& loaded, Range part, RatioBlockRows& block) const;

    const RatioInput& input_;
    RatioRangeLoader ranges_;
    std::span<const RatioSelection> selections_;
    std::optional<LoadedRange> loaded_;  ///< the last one: neighbouring blocks share it
};

}  // namespace ratiofarm
