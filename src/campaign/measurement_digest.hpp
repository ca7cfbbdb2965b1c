#pragma once

#include "ratiofarm/core/digest.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// Digest of everything in a campaign file that decides what is measured and how: model, nets,
/// regions and which data. Who has seen the data of one measurement has not seen those of another.
/// Not in it are what is asked besides the measurement ([data].asimov and injections, the points of
/// the scan), how fast it is done and how things are drawn.
Digest measurement_digest(const Campaign& campaign);

}  // namespace ratiofarm
