#pragma once

#include <filesystem>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "campaign/ensemble_choice.hpp"
#include "store/run_directory.hpp"

#include "report_inputs.hpp"

namespace ratiofarm {

/// What a damaged file of a run costs.
enum class OnDamage {
    stop,       ///< the report: who makes the files of a run makes the damaged one again first
    leave_out,  ///< its part of the page, with a warning that names the command that makes it again
};

/// Where a report finds what it shows.
struct ReportSources {
    Campaign campaign;
    RunDirectory directory;
    std::filesystem::path ratios;  ///< the run directory's own, or one from elsewhere
    std::vector<SampleInfo>
        samples;  ///< of the events file; empty: closure in features is left out
    std::vector<StageTime> stages;
    std::string left_out = {};     ///< why the ratios are not the campaign's; empty: they are
    std::string foreign_fit = {};  ///< why fit.json is not
    bool unresolved = false;       ///< selection or search is missing: no file of nets is right
    /// Ensembles without a file of these nets: what is trained so far, with loss curves.
    std::vector<EnsembleChoice> ungathered = {};
    OnDamage on_damage = OnDamage::stop;
};

/// Reads the files of a run and computes every diagnostic. Not collective, for rank 0. What is
/// missing or left out becomes a warning of the report.
/// \throws DataError if an existing file is damaged, by on_damage only that of an ensemble
ReportInputs collect_report_inputs(const ReportSources& sources);

}  // namespace ratiofarm
