#pragma once

#include <span>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "results/unfold_json.hpp"
#include "store/run_directory.hpp"
#include "tables/unfolded_file.hpp"

#include "unfolded_chains.hpp"

namespace ratiofarm {

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
