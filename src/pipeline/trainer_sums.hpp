#pragma once

#include <memory>

#include "ratiofarm/fit/sums_device.hpp"

#include "run_context.hpp"

namespace ratiofarm {

/// Starts a trainer at this rank's place, on place.device, that sums over the events of
/// likelihoods. \param context outlives the result \throws SystemError
std::shared_ptr<SumsDevice> trainer_sums(RunContext& context, const RunPlace& place);

}  // namespace ratiofarm
