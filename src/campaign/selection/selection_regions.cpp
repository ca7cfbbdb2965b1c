#include "selection_regions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

SelectionRegion filled_region(const BinnedRegionSection& section) {
    SelectionRegion region{.name = section.region.name,
                           .kind = SelectionRegion::Kind::binned,
                           .cuts = section.where,
                           .observable = section.observable,
                           .edges = section.edges};
    if (region.edges.size() >= 2) {
        region.cuts.push_back({section.observable, region.edges.front(), region.edges.back()});
    }
    return region;
}

SelectionObservable observable_of(const Campaign& campaign, const std::string& name) {
    using Source = SelectionObservable::Source;
    if (!campaign.preselection) return {name, Source::column, 0};
    if (name == "score") return {name, Source::score, 0};
    if (name == "max_ratio") return {name, Source::max_ratio, 0};
    const auto& classes = campaign.preselection->classes;
    for (std::size_t k = 0; k < classes.size(); ++k) {
        if (name == "p_" + classes[k].name) return {name, Source::probability, k};
    }
    return {name, Source::column, 0};
}

/// ln sum_k exp(a_k + b_k)
double log_sum(std::span<const double> a, std::span<const double> b) {
    double largest = -infinity;
    for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, a[k] + b[k]);
    if (std::isinf(largest)) return largest;
    double sum = 0.0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += std::exp(a[k] + b[k] - largest);
    return largest + std::log(sum);
}

}  // namespace

const UnbinnedRegionSection* trained_region(const Campaign& campaign) {
    if (!campaign.has_events()) return nullptr;
    const auto found = std::ranges::find_if(
        campaign.unbinned, [](const auto& section) { return section.ratios.empty(); });
    return found == campaign.unbinned.end() ? nullptr : &*found;
}

bool needs_selection(const Campaign& campaign) {
    const UnbinnedRegionSection* trained = trained_region(campaign);
    const bool filled = std::ranges::any_of(
        campaign.binned, [](const auto& section) { return section.from_events; });
    return campaign.has_events() && (filled || campaign.preselection.has_value() ||
                                     (trained != nullptr && !trained->where.empty()));
}

std::vector<SelectionRegion> selection_regions(const Campaign& campaign) {
    using Kind = SelectionRegion::Kind;
    std::vector<SelectionRegion> regions;
    if (const UnbinnedRegionSection* trained = trained_region(campaign)) {
        SelectionRegion region{.name = trained->name,
                               .kind = Kind::trained,
                               .cuts = trained->where,
                               .observable = {},
                               .edges = {}};
        const double limit = campaign.reference.max_ratio;
        if (limit > 0.0) {
            SelectionRegion thin = region;
            thin.name += "_thin";
            thin.kind = Kind::thin;
            thin.cuts.push_back({"max_ratio", limit, infinity});
            region.cuts.push_back({"max_ratio", -infinity, limit});
            regions = {region, thin};
        } else {
            regions = {region};
        }
    }
    for (const BinnedRegionSection& section : campaign.binned) {
        if (section.from_events) regions.push_back(filled_region(section));
    }
    return regions;
}

RegionCuts::RegionCuts(const Campaign& campaign) : regions_(selection_regions(campaign)) {
    for (const SelectionRegion& region : regions_) {
        auto& limits = limits_.emplace_back();
        for (const Cut& cut : region.cuts) {
            limits.push_back({index_of(campaign, cut.observable), cut.low, cut.high});
        }
        bins_of_.push_back(region.edges.empty() ? 0 : index_of(campaign, region.observable));
    }
}

std::size_t RegionCuts::index_of(const Campaign& campaign, const std::string& name) {
    const auto found = std::ranges::find(observables_, name, &SelectionObservable::name);
    const auto index = static_cast<std::size_t>(found - observables_.begin());
    if (found == observables_.end()) observables_.push_back(observable_of(campaign, name));
    return index;
}

bool RegionCuts::needs_scores() const {
    return std::ranges::any_of(observables_, [](const SelectionObservable& observable) {
        return observable.source != SelectionObservable::Source::column;
    });
}

std::optional<RegionCuts::Place> RegionCuts::place(std::span<const double> values) const {
    RATIOFARM_EXPECT(values.size() == observables_.size());
    for (std::size_t r = 0; r < regions_.size(); ++r) {
        const bool inside = std::ranges::all_of(limits_[r], [&](const Limits& limits) {
            const double value = values[limits.observable];
            // An infinite limit is none: a score may be infinite.
            return value >= limits.low && (value < limits.high || limits.high == infinity);
        });
        if (!inside) continue;
        const std::vector<double>& edges = regions_[r].edges;
        if (edges.empty()) return Place{r, 0};
        const auto above = std::ranges::upper_bound(edges, values[bins_of_[r]]);
        const auto bin = static_cast<std::size_t>(above - edges.begin()) - 1;
        return Place{r, std::min(bin, regions_[r].n_bins() - 1)};
    }
    return std::nullopt;
}

PreselectionScores::PreselectionScores(const Campaign& campaign) {
    RATIOFARM_EXPECT(campaign.preselection.has_value());
    const PreselectionSection& section = *campaign.preselection;
    for (const auto& one : section.classes) {
        const auto weight = std::ranges::find(section.weights, one.name,
                                              [](const auto& entry) { return entry.first; });
        const double log_weight = weight == section.weights.end() ? 0.0 : std::log(weight->second);
        const bool is_signal = std::ranges::find(section.signal, one.name) != section.signal.end();
        log_signal_.push_back(is_signal ? log_weight : -infinity);
        log_background_.push_back(is_signal ? -infinity : log_weight);
        double share = 0.0;
        for (const auto& [process, fraction] : campaign.reference.mixture) {
            if (std::ranges::find(one.processes, process) != one.processes.end()) share += fraction;
        }
        log_share_.push_back(std::log(share));
    }
}

double PreselectionScores::score(std::span<const double> log_s) const {
    RATIOFARM_EXPECT(log_s.size() == log_signal_.size());
    return log_sum(log_signal_, log_s) - log_sum(log_background_, log_s);
}

double PreselectionScores::max_ratio(std::span<const double> log_s) const {
    RATIOFARM_EXPECT(log_s.size() == log_share_.size());
    return std::exp(std::ranges::max(log_s) - log_sum(log_share_, log_s));
}

double PreselectionScores::value(const SelectionObservable& observable,
                                 std::span<const double> log_s) const {
    using Source = SelectionObservable::Source;
    RATIOFARM_EXPECT(observable.source != Source::column);
    if (observable.source == Source::score) return score(log_s);
    if (observable.source == Source::max_ratio) return max_ratio(log_s);
    return std::exp(log_s[observable.class_index]);
}

}  // namespace ratiofarm
