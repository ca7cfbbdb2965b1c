#pragma once

#include <span>
#include <string>
#include <vector>

#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// What an unbinned region has besides what the campaign says about it: the header of its ratio
/// file.
struct UnbinnedRegionInput {
    struct Process {
        std::string name;
        double yield = 0.0;
    };
    struct Shape {
        std::string process;
        std::string parameter;
        bool left_out = false;  ///< there, but only the yields are to vary
    };
    struct Yield {
        std::string process;
        std::string parameter;
        Anchors factors;
    };
    std::string source;              ///< for messages: path of the ratio file
    std::vector<Process> processes;  ///< order of the columns of log r
    std::vector<Shape> shapes;       ///< per-event ratios g of the file
    std::vector<Yield> yields;       ///< used where the campaign does not say others
};

/// Factors on the yields of the systematics whose shapes are trained and whose yields the campaign
/// does not say: sums of weights of the varied over those of the nominal sample.
/// \param samples one entry per sample of samples_to_read()
/// \throws DataError if one is missing or its weights do not sum to more than zero
std::vector<UnbinnedRegionInput::Yield> trained_yields(const Campaign& campaign,
                                                       const std::vector<SampleInfo>& samples);

/// Expected events of a process in a region, at coefficient 1: as the region says, else as the
/// process declares, else as the ratio file says.
/// \throws DataError where several regions have ratio files and a process' declared yield differs
double yield_in_region(const Campaign& campaign,
                       const UnbinnedRegionSection& section,
                       const UnbinnedRegionInput::Process& process);

/// The statistical model of a campaign.
/// \param regions one per Campaign::unbinned
/// \throws DataError if a process of one is not in the other, or a systematic's shape is missing
StatisticalModel make_model(const Campaign& campaign, std::span<const UnbinnedRegionInput> regions);

/// The model before there are ratios, of the first unbinned region: no shapes, and a process
/// without a declared yield has that of its sample, the sum of all weights before the split.
/// \param samples one entry per sample of samples_to_read()
/// \throws DataError if a sample is missing or its weights do not sum to more than zero
StatisticalModel make_model(const Campaign& campaign, const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
