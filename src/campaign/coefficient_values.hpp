#pragma once

#include <functional>
#include <map>
#include <string>

#include "ratiofarm/physics/coefficient.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// Of parameters, by name.
using ParameterValues = std::map<std::string, double, std::less<>>;

/// Where the parameters of a campaign start.
ParameterValues start_values(const Campaign& campaign);

/// \param values of at least the parameters of the coefficient
double value_of(const Coefficient& coefficient, const ParameterValues& values);

}  // namespace ratiofarm
