#pragma once

#include <filesystem>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "store/run_directory.hpp"

#include "report_inputs.hpp"

namespace ratiofarm {

/// Where a report finds what it shows.
struct ReportSources {
    Campaign campaign;
    RunDirectory directory;
    std::filesystem::path ratios;  ///< the run directory's own, or one from elsewhere
    std::vector<SampleInfo>
        samples;  ///< of the events file; empty: closure in features is left out
    std::vector<StageTime> stages;
};

/// Reads the files of a run and computes every diagnostic. Not collective, for rank 0. What is
/// missing becomes a warning of the report.
/// \throws DataError if an existing file is damaged
ReportInputs collect_report_inputs(const ReportSources& sources);

}  // namespace ratiofarm
