#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plain_campaign.hpp"

namespace ratiofarm {

/// What one nuisance parameter does to one process, whatever the region. One section may say the
/// yield and another the shape.
struct ProcessEffect {
    std::string parameter;
    std::size_t owner = 0;                            ///< systematic that the yield belongs to
    const SystematicSection::Shape* shape = nullptr;  ///< null: only the yield
    Anchors total;  ///< factors on the yield of all regions together
};

/// \throws DataError if a sample was not counted, or sums to no factor
std::vector<ProcessEffect> counted_effects(const Campaign& campaign,
                                           const std::vector<SampleSums>& sums,
                                           const ProcessSection& process);

/// Counts of the varied events, or of the varied weights. \pre effect.shape
struct VariedSums {
    const SampleSums& up;
    const SampleSums& down;
};
VariedSums varied_sums(const std::vector<SampleSums>& sums,
                       const ProcessSection& process,
                       const ProcessEffect& effect);

/// nu_j of all regions together.
double total_yield(const ProcessSection& process, const std::vector<SampleSums>& sums);

/// f_j at the start values of all parameters. \param zero one that is 0 instead; empty: none
double coefficient_at_start(const Coefficient& coefficient,
                            const Campaign& campaign,
                            std::string_view zero = {});

}  // namespace ratiofarm
