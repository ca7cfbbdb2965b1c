#pragma once

#include <vector>

#include "campaign/campaign.hpp"
#include "store/run_directory.hpp"

#include "report_inputs.hpp"

namespace ratiofarm {

/// What the ensemble files say about their nets; ensembles that are not gathered are left out.
/// \throws DataError if a file is damaged
std::vector<EnsembleQuality> collect_quality(const Campaign& campaign,
                                             const RunDirectory& directory);

}  // namespace ratiofarm
