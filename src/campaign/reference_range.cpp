#include "reference_range.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/core/errors.hpp"

#include "find_sample.hpp"

namespace ratiofarm {

namespace {

/// Fewer expected data than this are worth a warning.
constexpr double improbable = 1e-3;

/// One side of a feature, seen outwards: the low side with all signs turned.
struct FeatureEnd {
    double sense;                                            ///< 1: above, -1: below
    double last = -std::numeric_limits<double>::infinity();  ///< simulated value
    double percentile = 0.0;  ///< 1 % of the simulated values lie beyond
    std::uint64_t simulated = 0;

    double end(const FeatureFacts& facts) const { return sense > 0.0 ? facts.high : -facts.low; }
    /// Takes the sample that reaches furthest.
    void add(const FeatureFacts& facts, std::uint64_t events) {
        if (!(end(facts) > last)) return;
        last = end(facts);
        percentile = sense > 0.0 ? facts.last_percent : -facts.one_percent;
        simulated = std::max<std::uint64_t>(1, events);
    }
};

/// How many of n data are expected at a place or further out: n / N beyond the last of N simulated
/// events, and from there as the tail falls between the percentile and the last event,
/// exponentially or, where that is slower, as a power.
double expected_beyond(const FeatureEnd& side, double place, std::uint64_t data) {
    const double steps = std::log(std::max(3.0, 0.01 * static_cast<double>(side.simulated)));
    const auto falls = [&](double percentile, double last, double seen) {
        const double scale = (last - percentile) / steps;
        return scale > 0.0 ? std::exp(-(seen - last) / scale) : 0.0;
    };
    double share = falls(side.percentile, side.last, place);
    if (side.percentile > 0.0) {
        share =
            std::max(share, falls(std::log(side.percentile), std::log(side.last), std::log(place)));
    }
    return static_cast<double>(data) / static_cast<double>(side.simulated) * share;
}

/// What lies improbably far out on one side; empty if nothing does.
std::string far_out(const FeatureEnd& side, const FeatureFacts& feature, const SampleInfo& sample) {
    const double place = side.end(feature);
    if (!(place > side.last)) return "";
    const double expected = expected_beyond(side, place, sample.columns.events);
    if (!(expected < improbable)) return "";
    return fmt::format(
        "{}: '{}' reaches {:.7g} (row {}), {:.3g} {} the last of {} simulated events at {:.7g} "
        "({:.2g} of {} events expected there)",
        feature.name, sample.name, side.sense * place,
        side.sense > 0.0 ? feature.high_row : feature.low_row, place - side.last,
        side.sense > 0.0 ? "above" : "below", side.simulated, side.sense * side.last, expected,
        sample.columns.events);
}

}  // namespace

BeyondReference beyond_reference(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 const SampleInfo& sample) {
    BeyondReference beyond;
    for (std::size_t f = 0; f < sample.facts.features.size(); ++f) {
        const FeatureFacts& feature = sample.facts.features[f];
        FeatureEnd above{.sense = 1.0};
        FeatureEnd below{.sense = -1.0};
        for (const auto& [name, share] : campaign.reference.mixture) {
            const SampleInfo* part = sample_if_there(samples, campaign.process(name).events());
            if (part == nullptr || f >= part->facts.features.size()) continue;
            above.add(part->facts.features[f], part->columns.events);
            below.add(part->facts.features[f], part->columns.events);
        }
        const double low = -below.last;
        const double high = above.last;
        if (!(low <= high)) continue;
        if (feature.one_percent < low || feature.last_percent > high) {
            beyond.many.push_back(fmt::format(
                "{}: 98 % of '{}' from {:.4g} to {:.4g}, the reference from {:.4g} to {:.4g}",
                feature.name, sample.name, feature.one_percent, feature.last_percent, low, high));
            continue;
        }
        for (const FeatureEnd& side : {below, above}) {
            const std::string line = far_out(side, feature, sample);
            if (!line.empty()) beyond.some.push_back(line);
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
