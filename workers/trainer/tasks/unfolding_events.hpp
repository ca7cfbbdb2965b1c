#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/mapped_sample.hpp"

/// What a step of an unfolding reads: events, and the weights of the steps before.
namespace ratiofarm::trainer {

using Flags = std::vector<std::uint8_t>;  ///< [events]

/// Columns of the truth in place of those of the reconstruction.
SampleColumns truth_of(SampleColumns columns);

/// Times the Poisson(1) counts of a replica; seed 0: none.
std::vector<double> weights_of(const MappedSample& sample, std::uint64_t replica);

Flags flags_of(const SampleColumns& columns, std::uint64_t offset);

/// Events with a weight before they are counted. A replica trains with all of them, also with those
/// that it counts 0 times: with the seeds of the nominal nets it has their batches then, and its
/// spread is that of the events, not that of nets.
Flags listed(std::span<const double> weights);

struct MeanWeights {
    std::vector<double> values;
    std::vector<ChainStep> steps;  ///< of the chains so far, the worst of several
};

/// The mean of the weights of some tasks, added in their order; without tasks 1.
/// \throws DataError if there are not as many as events; SystemError for a damaged result
MeanWeights mean_weights(const std::vector<UnfoldParent>& parents, std::size_t events);

/// As results have them; of 0: -infinity.
std::vector<float> logarithms(std::span<const double> weights);

/// All data events train a net or stop it.
Split without_inference(Split split);

}  // namespace ratiofarm::trainer
