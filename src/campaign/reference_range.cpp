#include "reference_range.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/core/errors.hpp"

#include "find_sample.hpp"

namespace ratiofarm {

BeyondReference beyond_reference(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 const SampleInfo& sample) {
    BeyondReference beyond;
    for (std::size_t f = 0; f < sample.facts.features.size(); ++f) {
        const FeatureFacts& feature = sample.facts.features[f];
        double low = std::numeric_limits<double>::infinity();
        double high = -low;
        for (const auto& [name, share] : campaign.reference.mixture) {
            const SampleInfo* part = sample_if_there(samples, campaign.process(name).events());
            if (part == nullptr || f >= part->facts.features.size()) continue;
            low = std::min(low, part->facts.features[f].low);
            high = std::max(high, part->facts.features[f].high);
        }
        if (!(low <= high)) continue;
        if (feature.one_percent < low || feature.last_percent > high) {
            beyond.many.push_back(fmt::format(
                "{}: 98 % of '{}' from {:.4g} to {:.4g}, the reference from {:.4g} to {:.4g}",
                feature.name, sample.name, feature.one_percent, feature.last_percent, low, high));
        } else if (feature.low < low || feature.high > high) {
            beyond.some.push_back(
                fmt::format("{}: '{}' from {:.4g} to {:.4g}, the reference from {:.4g} to {:.4g}",
                            feature.name, sample.name, feature.low, feature.high, low, high));
        }
    }
    return beyond;
}

std::vector<std::string> data_beyond_reference(const Campaign& campaign,
                                               const std::vector<SampleInfo>& samples) {
    const bool selected = std::ranges::any_of(
        campaign.unbinned, [](const auto& region) { return !region.where.empty(); });
    const SampleInfo* data = sample_if_there(samples, campaign.data.sample);
    if (!campaign.data.fits_observed() || campaign.unfolding || selected || data == nullptr) {
        return {};
    }
    const BeyondReference beyond = beyond_reference(campaign, samples, *data);
    if (!beyond.many.empty()) {
        throw DataError(fmt::format(
            "more than 1 % of the data lie where the reference has no simulated event, so that no "
            "ratio is known there (other units, another definition, a value that stands for a "
            "missing one?); make the same cuts in all samples, or give the campaign a [[region]], "
            "which can leave such events out\n  {}",
            fmt::join(beyond.many, "\n  ")));
    }
    std::vector<std::string> warnings;
    for (const std::string& line : beyond.some) {
        warnings.push_back(
            "data lie beyond all simulated events of the reference, where the nets only "
            "extrapolate: " +
            line);
    }
    return warnings;
}

}  // namespace ratiofarm
