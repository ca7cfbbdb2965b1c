#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// Part of the error of a result, 4 % of it in quadrature, from which on what the finite simulation
/// does is worth a warning.
inline constexpr double noisy_part = 0.3;

/// A sentence where the training events are few for the events that are expected: nets follow the
/// events that train them, and move an estimate by at most about sqrt( sum nu_j^2 / n_j / sum nu_j
/// ) of its error, with nu_j expected events of a process at the start values and n_j effective
/// training events; above noisy_part. Nothing where [finite_mc] measures it. \param samples with
/// their facts; without facts nothing is found
std::optional<std::string> small_simulation(const Campaign& campaign,
                                            const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
