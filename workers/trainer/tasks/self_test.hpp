#pragma once

#include "ratiofarm/core/log.hpp"

#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::trainer {

/// Trains a small net on two unit Gaussians one unit apart, whose log ratio is the feature itself,
/// evaluates it and prints how far it is off. Takes a second.
/// \return whether the mean squared error of log r is as small as it should be
bool run_self_test(const Device& device, const Log& log);

}  // namespace ratiofarm::trainer
