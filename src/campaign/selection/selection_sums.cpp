#include "selection_sums.hpp"

#include <algorithm>
#include <numeric>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/file/toml_writer.hpp"
#include "campaign/task_graph.hpp"

namespace ratiofarm {

double RegionSums::inference_sum() const { return std::accumulate(bins.begin(), bins.end(), 0.0); }

std::uint64_t RegionSums::inference_events() const {
    return std::accumulate(in_bin.begin(), in_bin.end(), std::uint64_t{0});
}

void SampleSums::add(const std::optional<RegionCuts::Place>& place, double weight, bool inference) {
    ++events;
    sum += weight;
    if (inference) inference_sum += weight;
    if (!place) {
        ++nowhere;
        return;
    }
    RegionSums& region = regions[place->region];
    ++region.events;
    region.sum += weight;
    if (!inference) return;
    region.bins[place->bin] += weight;
    region.squares[place->bin] += weight * weight;
    ++region.in_bin[place->bin];
}

std::vector<SampleSums> empty_sums(const Campaign& campaign, const RegionCuts& cuts) {
    std::vector<RegionSums> regions;
    for (const SelectionRegion& region : cuts.regions()) {
        const std::size_t bins = region.n_bins();
        regions.push_back({.bins = std::vector<double>(bins),
                           .squares = std::vector<double>(bins),
                           .in_bin = std::vector<std::uint64_t>(bins)});
    }
    std::vector<SampleSums> sums;
    for (const SampleToRead& sample : samples_to_read(campaign)) {
        sums.push_back({.sample = sample.name, .weights = {}, .regions = regions});
        for (const std::string& weights : sample.weights) {
            sums.push_back({.sample = sample.name, .weights = weights, .regions = regions});
        }
    }
    return sums;
}

const SampleSums& find_sums(const std::vector<SampleSums>& sums,
                            std::string_view sample,
                            std::string_view weights) {
    const auto found = std::ranges::find_if(sums, [&](const SampleSums& entry) {
        return entry.sample == sample && entry.weights == weights;
    });
    if (found != sums.end()) return *found;
    throw DataError("the events of sample '" + std::string(sample) + "'" +
                    (weights.empty() ? "" : " with the weights '" + std::string(weights) + "'") +
                    " were not counted in the regions (select the events again)");
}

void FeatureRange::add(std::span<const float> features) {
    if (low.empty()) {
        low.assign(features.begin(), features.end());
        high = low;
        return;
    }
    RATIOFARM_EXPECT(features.size() == low.size());
    for (std::size_t k = 0; k < features.size(); ++k) {
        low[k] = std::min<double>(low[k], features[k]);
        high[k] = std::max<double>(high[k], features[k]);
    }
}

std::optional<std::size_t> FeatureRange::outside(std::span<const float> features) const {
    for (std::size_t k = 0; k < features.size(); ++k) {
        const double value = features[k];
        if (low.empty() || !(value >= low[k] && value <= high[k])) return k;
    }
    return std::nullopt;
}

std::vector<std::string> support_samples(const Campaign& campaign) {
    std::vector<std::string> samples;
    for (const auto& [process, share] : campaign.reference.mixture) {
        const std::string& sample = campaign.process(process).events();
        if (std::ranges::find(samples, sample) == samples.end()) samples.push_back(sample);
    }
    return samples;
}

void expect_inside(const Campaign& campaign,
                   const FeatureRange& range,
                   const std::vector<OutsideEvent>& outside) {
    if (outside.empty() || campaign.data.outside == OutsideSupport::drop) return;
    const OutsideEvent& event = outside.front();
    const std::string feature = event.feature < campaign.events.features.size()
                                    ? campaign.events.features[event.feature]
                                    : std::to_string(event.feature);
    const std::string limits = event.feature < range.low.size()
                                   ? "from " + toml_text(range.low[event.feature]) + " to " +
                                         toml_text(range.high[event.feature])
                                   : "nowhere";
    const UnbinnedRegionSection* region = trained_region(campaign);
    throw DataError(
        "sample '" + campaign.data.sample + "': " + std::to_string(outside.size()) +
        " events of region '" + (region == nullptr ? "" : region->name) +
        "' lie where the reference has no simulated event, so no ratio is known there; event " +
        std::to_string(event.id) + " has " + feature + " = " + toml_text(event.value) +
        ", the reference reaches " + limits +
        " (cut the region to where the reference has events, add a process to "
        "reference.mixture that reaches there, or leave such events out, counted, with [data] "
        "outside = \"drop\")");
}

}  // namespace ratiofarm
