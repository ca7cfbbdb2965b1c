#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/physics/binned_region.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

#include "preselection_section.hpp"

namespace ratiofarm {

/// A [[region]] with type = "binned".
struct BinnedRegionSection {
    BinnedRegion region;
    std::optional<std::vector<double>> observed;  ///< [bins], >= 0; none: Asimov data only
    std::vector<double> edges;                    ///< [bins + 1], ascending; empty: not given
    std::string observable;                       ///< observable of the edges; may be empty
    std::vector<Cut> where;    ///< events in the region, if it is filled with events
    bool from_events = false;  ///< filled with the events of the processes when they are selected
    bool mc_stat = true;       ///< then: one factor per bin for the finite number of events
    bool operator==(const BinnedRegionSection&) const = default;
};

/// Names that other programs know, where they differ from ours: [labels.parameters],
/// [labels.regions] and [labels.samples], our name to theirs. [labels.features] is for plots. A
/// factor per bin is called "name[3]", 3 being its bin.
struct LabelsSection {
    using Labels = std::vector<std::pair<std::string, std::string>>;
    Labels parameters;
    Labels regions;
    Labels samples;
    Labels features;  ///< what the axes of plots say, with units
    bool operator==(const LabelsSection&) const = default;
};

/// Bins of a region that is filled with events: those of its edges, or one.
inline std::size_t bins_to_fill(const BinnedRegionSection& section) {
    return section.edges.size() < 2 ? 1 : section.edges.size() - 1;
}

/// The label of a name, or the name itself.
const std::string& label_of(const LabelsSection::Labels& labels, const std::string& name);

/// Parameters that a region depends on, each once, in order of appearance.
std::vector<std::string> parameters_of(const BinnedRegion& region);

/// TOML of binned regions and labels; reads back equal.
std::string binned_regions_toml(const std::vector<BinnedRegionSection>& regions);
std::string labels_toml(const LabelsSection& labels);

}  // namespace ratiofarm
