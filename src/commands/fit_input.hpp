#pragma once

#include <string>
#include <vector>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

namespace ratiofarm {

/// The model of a campaign with the processes and yields of a ratio file, in its column order.
/// \throws DataError if a process of one is not in the other
StatisticalModel model_for_ratios(const Campaign& campaign, const RatioFile& ratios);

/// Parameter values of the Asimov data: those of the campaign, the others at their start.
std::vector<double> asimov_point(const Campaign& campaign, const StatisticalModel& model);

/// One event set as it enters the likelihood: rows of a sample times a factor.
struct FittedSet {
    std::string sample;
    std::uint64_t events = 0;
    double factor = 1.0;  ///< on every weight
};

/// Which sets the campaign's [data] asks for.
/// \throws DataError if a sample or the reference is missing from the ratio file
std::vector<FittedSet> fitted_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const RatioFile& ratios);

/// "Asimov data from the samples at mu = 1": what is fitted, for people.
std::string data_description(const Campaign& campaign, const StatisticalModel& model);

/// What the campaign's [data] asks for. The arguments must outlive it.
LikelihoodData load_data(const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFile& ratios);

}  // namespace ratiofarm
