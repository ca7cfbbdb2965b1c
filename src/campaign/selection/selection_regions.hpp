#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// A region that events are selected into: a box, with bins along one observable.
struct SelectionRegion {
    enum class Kind : std::uint8_t {
        trained,  ///< the unbinned region whose ratios are learned
        thin,     ///< the events of its box where the reference is too thin for that, one bin
        binned,   ///< a [[region]] of counts that is filled with events
    };
    std::string name;
    Kind kind = Kind::binned;
    std::vector<Cut> cuts;      ///< all hold; the limits of bins and of [reference] are among them
    std::string observable;     ///< of the bins; empty: one bin
    std::vector<double> edges;  ///< [bins + 1], ascending; the outer ones may be infinite
    std::size_t n_bins() const { return edges.size() < 2 ? 1 : edges.size() - 1; }
    bool operator==(const SelectionRegion&) const = default;
};

/// True if events have to be selected before anything is trained or fitted: cuts on the trained
/// region, binned regions filled with events, or a limit of the support.
bool needs_selection(const Campaign& campaign);

/// The trained region first (if there is one), then its thin part, then the binned ones that are
/// filled with events, in the order of the file.
std::vector<SelectionRegion> selection_regions(const Campaign& campaign);

/// The one unbinned region whose ratios are learned from events; null if there is none.
const UnbinnedRegionSection* trained_region(const Campaign& campaign);

/// Pairs of regions that could share an event: no observable separates their boxes. One line
/// for each pair, naming both and what to try.
std::vector<std::string> overlaps(const std::vector<SelectionRegion>& regions);

/// An observable of cuts and bins: a column of the events file, or a value of the preselection.
struct SelectionObservable {
    enum class Source : std::uint8_t { column, score, max_ratio, probability };
    std::string name;
    Source source = Source::column;
    std::size_t class_index = 0;  ///< of a probability
    bool operator==(const SelectionObservable&) const = default;
};

/// Which region and bin an event is in.
class RegionCuts {
public:
    struct Place {
        std::size_t region = 0;  ///< index in regions()
        std::size_t bin = 0;
        bool operator==(const Place&) const = default;
    };

    explicit RegionCuts(const Campaign& campaign);

    const std::vector<SelectionRegion>& regions() const { return regions_; }

    /// Each once; the order of the values of place().
    const std::vector<SelectionObservable>& observables() const { return observables_; }

    /// True if some observable is one of the preselection.
    bool needs_scores() const;

    /// \param values [observables]; one that is not a number is in no box
    /// \return none: in no region
    std::optional<Place> place(std::span<const double> values) const;

private:
    struct Limits {
        std::size_t observable = 0;
        double low = 0.0;
        double high = 0.0;
    };
    std::size_t index_of(const Campaign& campaign, const std::string& name);

    std::vector<SelectionRegion> regions_;
    std::vector<SelectionObservable> observables_;
    std::vector<std::vector<Limits>> limits_;  ///< [regions]
    std::vector<std::size_t> bins_of_;         ///< [regions], observable of the bins
};

/// The observables of a preselection for an event, from the class probabilities of its nets.
class PreselectionScores {
public:
    /// \pre campaign.preselection
    explicit PreselectionScores(const Campaign& campaign);

    /// ln( sum_{k in signal} c_k s_k / sum_{other k} c_k s_k ). \param log_s [classes], ln s_k
    double score(std::span<const double> log_s) const;

    /// max_k s_k / sum_l pi_l s_l: the largest ratio of a class to the reference, pi_l being the
    /// share of the processes of class l in it. Infinite where no class of the reference is.
    double max_ratio(std::span<const double> log_s) const;

    /// \pre the observable is not a column
    double value(const SelectionObservable& observable, std::span<const double> log_s) const;

private:
    std::vector<double> log_signal_;      ///< [classes] ln c_k, -inf for the others
    std::vector<double> log_background_;  ///< [classes] ln c_k, -inf for the signal
    std::vector<double> log_share_;       ///< [classes] ln pi_l, -inf for none
};

/// Observables of cuts, bins and the preselection for which some sample has no column:
/// one line each, with the nearest name, or the samples that lack a column that others have.
/// \param samples one entry per sample of samples_to_read()
std::vector<std::string> unknown_observables(const Campaign& campaign,
                                             const std::vector<SampleInfo>& samples);

/// [labels.features] of what is neither a feature, an observable nor a truth of any sample: one
/// line each, with the nearest name. None without samples.
std::vector<std::string> unknown_labels(const Campaign& campaign,
                                        const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
