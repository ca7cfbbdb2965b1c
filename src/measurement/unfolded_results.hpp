#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "results/unfold_json.hpp"
#include "store/run_directory.hpp"
#include "tables/unfolded_file.hpp"

namespace ratiofarm {

/// What the nets of a chain said: one variation, one replica, one member.
struct UnfoldedChain {
    std::string variation = {};      ///< empty: nominal
    std::uint32_t data_replica = 0;  ///< 1, 2, ...; 0: the data as they are
    std::uint32_t mc_replica = 0;    ///< likewise of the simulation
    std::uint32_t member = 0;
    std::uint64_t mc_seed = 0;  ///< of the counts of the simulated events; 0: all 1
    /// ln nu of all simulated events after an iteration 1, 2, ..., [n]; only those that outlive
    /// the chain are asked for: all of nominal chains, the last one of others.
    std::function<std::vector<float>(std::uint32_t iteration)> ln_nu;
    std::vector<double> clipped_share = {};  ///< [iterations], larger of both steps; may be empty
};

/// Everything that is published of an unfolding. Published are events that pass at the truth and
/// are of the inference part, weighted to the sum of all events.
/// \param samples with mapped columns, one entry per sample of samples_to_read()
/// \throws DataError if a vector has not the length of its sample
struct UnfoldedResults {
    UnfoldRecord record;
    UnfoldedTable table;  ///< its weights read the chains once more; valid as long as they are
};
UnfoldedResults unfolded_results(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 std::span<const UnfoldedChain> chains);

/// Writes unfolded.h5 and unfold.json of these. For one rank. Warnings go to the log, too.
void write_unfolded(const Campaign& campaign,
                    const std::vector<SampleInfo>& samples,
                    std::span<const UnfoldedChain> chains,
                    const RunDirectory& directory,
                    const Log& log);

}  // namespace ratiofarm
