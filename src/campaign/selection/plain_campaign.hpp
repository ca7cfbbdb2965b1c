#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "campaign/campaign.hpp"

#include "selection_sums.hpp"

namespace ratiofarm {

/// A campaign whose events have been selected.
struct PlainCampaign {
    Campaign campaign;  ///< plain: no preselection, no cuts, every binned region has
                        ///< contents, yields are those of the region
    std::vector<std::string> warnings;  ///< what a user should know, one line each
};

/// True if only the events for inference say what share of a process is in the trained region:
/// those that trained the preselection would be judged too well by it. Otherwise, and with folds,
/// all do.
bool counts_inference_only(const Campaign& campaign);

/// The share of a sample that is in a region.
/// \pre sums.sum is not zero
double efficiency(const Campaign& campaign, const SampleSums& sums, std::size_t region);

/// The campaign that is trained and fitted, from the one that was written and what was counted:
///  * process.yield of the trained region: declared yield (or the sum of the weights) x efficiency;
///  * systematic.yield there: the declared factor x efficiency of the varied events over that of
///    the nominal ones; where no factor is declared, the ratio of the sums of weights in the
///    region;
///  * a binned region has one sample per process, with its coefficient and the events for inference
///    as contents, scaled to the yield of the whole sample; a yield effect for each systematic that
///    changes their sum, and a shape effect (the sum kept) for one that has varied events or
///    weights and more than one bin. What is negative in a bin of one process is kept and told;
///    what is expected in a bin must be positive;
///  * one parameter "stat_<region>_<bin>" per bin (gaussian, group "mc_stat") for the finite number
///    of events, delta = sqrt(sum_j (f_j err_j)^2) / |sum_j f_j nu_j| at the start values; bins
///    below least_stat have none;
///  * observed contents, where there is a data sample: its events, each counted once.
/// Without a trained region there is nothing left to train: no events, and processes only if a
/// ratio file needs them.
/// \param sums one entry per entry of empty_sums()
/// \param events_file what events.file becomes
/// \throws DataError with everything that is wrong, one line each, naming region, bin and process
PlainCampaign plain_campaign(const Campaign& campaign,
                             const std::vector<SampleSums>& sums,
                             const std::string& events_file);

/// Relative uncertainty of a bin below which it has no parameter of its own.
inline constexpr double least_stat = 1e-3;

}  // namespace ratiofarm
