#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/trainer_protocol.hpp"

#include "mapped_sample.hpp"

namespace ratiofarm::trainer {

/// The events of the part that a request asks for among its rows, numbered in file order. Features
/// stay in the mapped file until they are gathered.
class InferenceEvents {
public:
    /// \throws DataError naming file and sample
    explicit InferenceEvents(const InferRequest& request);

    std::uint64_t count() const { return rows_.size(); }

    /// Row of the sample.
    std::uint64_t row(std::uint64_t event) const { return rows_[event]; }
    std::uint64_t id(std::uint64_t event) const { return sample_.id(rows_[event]); }

    /// Numbers of the events of a fold, ascending. \param folds  >= 1; with 1 all events
    std::vector<std::uint64_t> of_fold(std::uint32_t fold, std::uint32_t folds) const;

    /// Not scaled. \param values  [events.size(), event_size()], filled
    /// \throws DataError naming row and column if a value is not finite
    void gather(std::span<const std::uint64_t> events, std::span<float> values) const;

private:
    MappedSample sample_;
    std::size_t size_;  ///< numbers of an event
    std::vector<std::uint64_t> rows_;
};

}  // namespace ratiofarm::trainer
