#pragma once

#include <cstdint>
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

}  // namespace ratiofarm
