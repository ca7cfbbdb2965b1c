#pragma once

#include <string>
#include <vector>

#include "plain_campaign.hpp"

namespace ratiofarm {

/// A binned region filled with its events, with parameters, warnings and problems.
struct FilledRegion {
    BinnedRegionSection section;  ///< without samples if no simulated event is in the region
    std::vector<Parameter> stat_parameters;
    LabelsSection::Labels labels;  ///< of these parameters
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
};

/// \param r       index of the region in selection_regions()
/// \param section its name, bins and settings as the campaign writes them
/// \throws DataError as counted_effects()
FilledRegion fill_region(const Campaign& campaign,
                         const std::vector<SampleSums>& sums,
                         std::size_t r,
                         BinnedRegionSection section);

}  // namespace ratiofarm
