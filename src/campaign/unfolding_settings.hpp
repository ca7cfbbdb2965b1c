#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "unfolding_section.hpp"

/// What is unfolded, and how its tasks are called.
namespace ratiofarm {

/// What the members of one variation and replica have in common.
struct UnfoldSetting {
    const UnfoldingSection::Variation* variation = nullptr;  ///< none: nominal
    std::uint32_t data_replica = 0;                          ///< 1, 2, ...; 0: none
    std::uint32_t mc_replica = 0;                            ///< likewise

    bool nominal() const { return variation == nullptr && data_replica == 0 && mc_replica == 0; }
    /// "unfold/nominal/data 3/0/it2/step1" for member 0 and which = "it2/step1"
    std::string task(std::uint32_t member, const std::string& which) const;
};

/// Nominal, replicas of the data, of the simulation, then variations. Valid as long as `section`.
std::vector<UnfoldSetting> unfold_settings(const UnfoldingSection& section);

/// "it2/step1". \param iteration  from 0
std::string step_name(std::uint32_t iteration, bool at_truth);
/// "pretraining/step1"
std::string pretraining_name(bool at_truth);

/// Whether the data are weighed by the share that is no background.
bool subtracts(const UnfoldingSection& section);

/// Whether the result of step 2 outlives its readers. \param iteration  from 0
bool is_kept(const UnfoldingSection& section,
             const UnfoldSetting& setting,
             std::uint32_t iteration);

}  // namespace ratiofarm
