#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "campaign/campaign.hpp"
#include "campaign/made_from.hpp"

namespace ratiofarm {

/// The ratio files of a campaign's unbinned regions, in their order.
using RatioFiles = std::vector<std::shared_ptr<const RatioFile>>;

/// Where a fit finds its campaign and its events.
struct FitSource {
    const Campaign& campaign;             ///< plain
    std::filesystem::path ratios;         ///< of regions that name no ratio file
    std::span<const SampleInfo> samples;  ///< empty if the events file is not available
    unsigned threads = 1;                 ///< of this rank
};

/// \param own ratio file of regions that name none
/// \throws DataError if one is missing or damaged
RatioFiles open_ratio_files(const Campaign& campaign, const std::filesystem::path& own);

/// The model of a campaign with the processes, yields and shapes of its ratio files. Global
/// observables of Asimov data stand at the values that the data are made for.
/// \throws DataError if a process or a shape of one is not in the other
StatisticalModel model_for_ratios(const Campaign& campaign, const RatioFiles& ratios);

/// Parameter values of the Asimov data: those of the campaign, the others at their start.
std::vector<double> asimov_point(const Campaign& campaign, const StatisticalModel& model);

/// Whether the weighted events of the samples are fitted, as if they were data.
bool is_asimov_of_samples(const DataSection& data);

/// True if the campaign fits observed data, false for Asimov data.
bool fits_observed(const Campaign& campaign);

/// True for the events of a sample with their own weights: what injections fit.
bool fits_weighted_sample(const Campaign& campaign);

/// One event set as it enters the likelihood: rows of a sample times factors.
struct FittedSet {
    std::string sample;
    std::uint64_t events = 0;
    double factor = 1.0;      ///< on every weight; observed events have weight 1 instead
    double reference = 0.0;   ///< on every weight, in the sums over the reference
    std::size_t process = 0;  ///< for Asimov data from samples: the process of the events
};

/// Whether the events of the reference are among those of a region.
enum class ReferenceRows : std::uint8_t {
    where_needed,  ///< in the sums that normalise its shapes
    always,        ///< shapes will be added, or Asimov data made
};

/// Which sets [data] and the sums over the reference ask for in one region.
/// \throws DataError if a sample or the reference is missing from the ratio file
std::vector<FittedSet> fitted_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const UnbinnedRegion& region,
                                   const RatioFile& ratios,
                                   ReferenceRows rows = ReferenceRows::where_needed);

/// True if the events of every unbinned region contain those of the reference.
bool has_reference_rows(const LikelihoodData& data);

/// "Asimov data from the samples at mu = 1": what is fitted, for people.
std::string data_description(const Campaign& campaign, const StatisticalModel& model);

/// Adds the processes of a region with their systematics.
void add_processes(Hasher& hasher, const UnbinnedRegion& region);

/// What a fit is made from: keys of the campaign, and the digest of each ratio file's inputs as
/// "ratios.SR", "unknown" where the file does not say.
MadeFrom made_from(const Campaign& campaign, const RatioFiles& ratios);

/// Whether all ratio files say what they were made from.
bool know_their_inputs(const RatioFiles& ratios);

/// Warnings before a fit: columns without checksums, shapes that the campaign ignores.
std::vector<std::string> input_warnings(const Campaign& campaign, const RatioFiles& ratios);

/// Collective over comm. What the campaign's [data] asks for; events are read later, by the
/// likelihood. The ratio files live as long as the result needs them.
/// \throws AgreedError (usage) if binned regions have no observed contents but should
LikelihoodData load_data(const mpi::Communicator& comm,
                         const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFiles& ratios,
                         ReferenceRows rows = ReferenceRows::where_needed);

}  // namespace ratiofarm
