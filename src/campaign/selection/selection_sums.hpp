#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selection_regions.hpp"

namespace ratiofarm {

/// Events of one sample, with one column of weights, inside one region.
struct RegionSums {
    std::uint64_t events = 0;           ///< of all parts of the split
    double sum = 0.0;                   ///< of their weights
    std::vector<double> bins;           ///< [bins] weights of the events for inference
    std::vector<double> squares;        ///< [bins] their squares
    std::vector<std::uint64_t> in_bin;  ///< [bins] how many they are
    double inference_sum() const;       ///< of all bins
    std::uint64_t inference_events() const;
    bool operator==(const RegionSums&) const = default;
};

/// One sample with one column of weights, in all regions.
struct SampleSums {
    std::string sample;
    std::string weights;  ///< column of a variation that moves no event; empty: the weights
    std::uint64_t events = 0;
    double sum = 0.0;                 ///< of all weights, in a region or not
    double inference_sum = 0.0;       ///< of those of the events for inference
    std::uint64_t nowhere = 0;        ///< events in no region, those outside the support included
    std::uint64_t outside = 0;        ///< data events outside the support, left out
    std::vector<RegionSums> regions;  ///< as RegionCuts::regions()

    /// Counts one event. \param inference true for split_part() inference; always for data
    void add(const std::optional<RegionCuts::Place>& place, double weight, bool inference);
    bool operator==(const SampleSums&) const = default;
};

/// What has to be counted, all zero: each sample of samples_to_read() with its weights, then with
/// each further column of weights that is wanted.
std::vector<SampleSums> empty_sums(const Campaign& campaign, const RegionCuts& cuts);

/// \throws DataError if it was not counted
const SampleSums& find_sums(const std::vector<SampleSums>& sums,
                            std::string_view sample,
                            std::string_view weights = {});

/// The range of each feature over the simulated events that the reference is made of, inside the
/// trained region: where its densities are known at all.
struct FeatureRange {
    std::vector<double> low;  ///< [features]; empty before the first event
    std::vector<double> high;

    void add(std::span<const float> features);

    /// The first feature that is outside; none: the event is inside.
    std::optional<std::size_t> outside(std::span<const float> features) const;
};

/// Samples whose events make that range.
std::vector<std::string> support_samples(const Campaign& campaign);

/// A data event outside the support, for a message.
struct OutsideEvent {
    std::uint64_t id = 0;
    std::size_t feature = 0;
    double value = 0.0;
};

/// \throws DataError unless `[data] outside` lets such events be dropped: how many they are, one of
/// them with the range of its feature, and what to try. No effect if there is none.
void expect_inside(const Campaign& campaign,
                   const FeatureRange& range,
                   const std::vector<OutsideEvent>& outside);

}  // namespace ratiofarm
