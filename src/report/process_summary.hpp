#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/tables/ratio_header.hpp"

#include "inference_events.hpp"
#include "report_inputs.hpp"

namespace ratiofarm {

/// Everything about the ratio of one process that follows from the events; names, yields and
/// ensemble are left to the caller.
/// \param target   index of the sample of this process
/// \param features names of the features that were loaded
/// \param nets     that its ratios are the mean of
ProcessSummary summarise_process(const InferenceEvents& events,
                                 std::size_t process,
                                 std::size_t target,
                                 const RatioHeader& header,
                                 const RatioSummary& summary,
                                 const std::vector<std::string>& features,
                                 std::size_t nets);

/// Learned and exact log ratios over the reference. Densities in events files have the name of
/// the sample or of the process.
/// \return nothing if an events file is missing or has no exact densities
std::optional<RatioAccuracy> exact_accuracy(const InferenceEvents& events,
                                            std::size_t process,
                                            const std::string& sample,
                                            const RatioHeader& header);

/// sum_k pi_k r_k of every reference event.
IdentityCheck identity_of(const InferenceEvents& events, const RatioHeader& header);

/// Root mean square over the reference of the members' standard deviation of log r; 0 if unknown.
double reference_spread(const InferenceEvents& events, std::size_t process);

}  // namespace ratiofarm
