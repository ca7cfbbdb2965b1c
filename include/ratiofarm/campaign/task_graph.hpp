#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/sample_info.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

namespace ratiofarm {

/// One training: a member of the ensemble of one process.
struct TrainTask {
    Digest digest;         ///< of everything that determines the weights
    std::string name;      ///< "S/member 3"
    std::string ensemble;  ///< process name
    std::uint32_t member = 0;
    double flop = 0.0;     ///< expected cost at all epochs
    TrainRequest request;  ///< without paths of results
};

/// One evaluation: an ensemble on a range of rows of one sample.
struct InferTask {
    Digest digest;     ///< of ensemble digest, sample digest, range and options
    std::string name;  ///< "S on SBI rows 0..262144"
    std::string ensemble;
    std::string sample;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    double flop = 0.0;     ///< expected cost
    InferRequest request;  ///< without the place of the weights and the path of the result
};

/// All tasks of a campaign: a pure value.
struct TaskGraph {
    std::vector<TrainTask> trainings;   ///< by process, then member
    std::vector<InferTask> inferences;  ///< by sample, then process, then range
};

/// Events per inference task; fixed, so that the bits do not depend on the machine.
inline constexpr std::uint64_t inference_range = 262144;

/// Names of the samples a campaign reads, each once: those of the processes in their order, then
/// the data sample, if one is fitted.
std::vector<std::string> campaign_samples(const Campaign& campaign);

/// Fractions for evaluating a sample: those of the campaign for simulated samples; all events of
/// the data sample, since none of them trained a net.
Split inference_split(const Campaign& campaign, std::string_view sample);

/// Digest of an ensemble: of the digests of its members in order.
Digest ensemble_digest(const TaskGraph& graph, std::string_view ensemble);

/// Digest of everything that determines a file of ratios: all inference tasks and what is done with
/// their results (processes and yields, reference, normalisation, split, data).
Digest ratios_digest(const Campaign& campaign,
                     const std::vector<SampleInfo>& samples,
                     const TaskGraph& graph);

/// \throws ConfigError if the campaign has no events, or a systematic's shape needs nets that this
/// version does not train
void expect_trainable(const Campaign& campaign);

/// The task graph of a campaign on these samples. `samples` holds one entry per name of
/// campaign_samples(), in any order. Device class and thread count are part of a training's digest;
/// rank count, paths and device index are not, nor are names: a process that is added or renamed
/// changes no digest but its own.
/// \throws DataError if a sample or a feature is missing; ConfigError as expect_trainable()
TaskGraph make_task_graph(const Campaign& campaign,
                          const std::vector<SampleInfo>& samples,
                          std::string_view device_class);

}  // namespace ratiofarm
