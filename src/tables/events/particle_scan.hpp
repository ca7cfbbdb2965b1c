#pragma once

#include "ratiofarm/core/digest.hpp"

#include "event_layout.hpp"

namespace ratiofarm {

/// What one pass over the particle lists of a sample finds.
struct ParticleScan {
    Digest digest;
    ParticleFacts facts;
};

/// Reads all particles once. What is wrong with them goes to `problems`: offsets that do not ascend
/// or do not end with the last particle, values that are not finite, negative energies, more than
/// 1 % of the particles with E < |p| beyond rounding.
ParticleScan scan_particles(const h5::File& file, const EventLayout& layout, Problems& problems);

}  // namespace ratiofarm
