#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// The mixture that these priors define: a cap M has the share 1 / M, so that r = p / p_ref is at
/// most M; numbers and yields share the rest in their proportion. If there are only caps, they are
/// scaled up to sum 1, which only lowers the ratios. \param yield_of expected events of a process,
/// for the priors that are its yield; > 0 \return process and share, in the order of the priors;
/// sum 1 \throws ConfigError if the caps leave nothing for the others, or exceed 1 by themselves
std::vector<std::pair<std::string, double>> solve_priors(
    const std::vector<ReferenceSection::Prior>& priors,
    const std::function<double(const std::string&)>& yield_of);

/// The key `mixture` of [reference], and max_ratio if there is one.
std::string reference_toml(const ReferenceSection& reference);

}  // namespace ratiofarm
