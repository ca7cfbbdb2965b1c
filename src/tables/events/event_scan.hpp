#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/protocol/split.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"

namespace ratiofarm {

/// What one pass over the events of a sample finds.
struct EventScan {
    Digest digest;  ///< of the columns in use, weight and id, and of particle lists
    double sum_of_weights = 0.0;
    std::uint64_t inference_events = 0;
    std::uint64_t training_events = 0;  ///< with folds those of the nets of fold 0
    struct Weights {
        Digest digest;
        double sum = 0.0;
    };
    std::vector<Weights> weights;  ///< of the layout's further weights
    SampleFacts facts;
};

/// Reads all events once. Of samples with levels the values of a level that an event did not pass
/// are not looked at and do not count for the digest. What is wrong with their values goes to
/// `problems`: NaN or infinite features and weights, ids that occur twice, a total weight that is
/// not that of any events. \param columns of the feature matrix that are in use \param truth
/// columns of the truth that are in use; empty: all. Only with levels
EventScan scan_events(const h5::File& file,
                      const EventLayout& layout,
                      std::span<const std::uint32_t> columns,
                      const Split& split,
                      Problems& problems,
                      std::span<const std::string> truth = {});

/// An id that occurs twice.
struct DuplicateId {
    std::uint64_t id = 0;
    std::uint64_t row = 0;     ///< the first row whose id was there before
    std::uint64_t before = 0;  ///< where it was
    std::uint64_t rows = 0;    ///< how many rows repeat an id
};

/// n log n at worst; linear when ids are increasing, as they mostly are.
std::optional<DuplicateId> find_duplicate_id(std::span<const std::uint64_t> ids);

}  // namespace ratiofarm
