#pragma once

#include <string>

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm {

/// Bytes that the large parts of a training take, estimated from its request.
struct MemoryNeeds {
    double nets = 0.0;    ///< weights, gradient, moments and best weights of all nets
    double passes = 0.0;  ///< what the passes of a batch keep, over all nets
    double events = 0.0;  ///< at most: as if no event were left out
};
MemoryNeeds memory_needs(const TrainRequest& request);

/// Where an out-of-memory task needs its bytes, and which options make that less.
std::string what_to_shrink(const TrainRequest& request);
std::string what_to_shrink(const InferRequest& request);

}  // namespace ratiofarm
