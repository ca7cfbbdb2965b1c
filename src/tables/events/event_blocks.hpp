#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tables/checked_column.hpp"

#include "event_layout.hpp"
#include "event_selection.hpp"

namespace ratiofarm {

/// Reads a sample block by block, whatever its layout; checksums are verified where there are any.
class EventBlockReader {
public:
    EventBlockReader(const h5::File& file, const EventLayout& layout);

    std::uint64_t blocks() const { return block_count(events_); }

    /// \throws DataError naming dataset and rows if they are damaged or cannot be read
    EventBlock read(std::uint64_t block) const;

private:
    std::uint64_t events_;
    CheckedColumn features_;
    CheckedColumn weight_;
    CheckedColumn id_;
    std::vector<CheckedColumn> weights_;
    std::vector<CheckedColumn> levels_;  ///< truth, pass_reco, pass_truth; or none
};

/// Reads the particle lists of a sample whose layout has them, whatever their own layout.
class ParticleReader {
public:
    ParticleReader(const h5::File& file, const EventLayout& layout);

    /// [events + 1], as they are stored.
    const std::vector<std::uint64_t>& offsets() const { return offsets_; }

    struct Particles {
        std::vector<float> values;        ///< [particles, columns]
        std::vector<std::int64_t> types;  ///< [particles]; empty if there are none
    };
    /// \throws DataError naming dataset and rows if they are damaged or cannot be read
    Particles read(Range particles) const;

private:
    CheckedColumn values_;
    std::optional<CheckedColumn> types_;
    std::vector<std::uint64_t> offsets_;
};

}  // namespace ratiofarm
