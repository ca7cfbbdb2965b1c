#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/sample_info.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

namespace ratiofarm {

/// One training: a member of the ensemble of one process.
struct TrainTask {
    Digest digest;             ///< of everything that determines the weights
    std::string name;          ///< "S/member 3"
    std::string ensemble;      ///< process name
    std::uint32_t member = 0;
    double flop = 0.0;         ///< expected cost at all epochs
    TrainRequest request;      ///< without paths of results
};

/// One evaluation: an ensemble on a range of rows of one sample.
struct InferTask {
    Digest digest;             ///< of ensemble digest, sample digest, range and options
    std::string name;          ///< "S on SBI rows 0..262144"
    std::string ensemble;
    std::string sample;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    double flop = 0.0;
};

/// All tasks of a campaign: a pure value.
struct TaskGraph {
    std::vector<TrainTask> trainings;  ///< by process, then member
    std::vector<InferTask> inferences; ///< by sample, then process, then range
};

/// Events per inference task; fixed, so that the bits do not depend on the machine.
inline constexpr std::uint64_t inference_range = 262144;

/// Digest of an ensemble: of the digests of its members in order.
Digest ensemble_digest(const TaskGraph& graph, const std::string& ensemble);

/// The task graph of a campaign on these samples. `samples` holds one entry per process sample.
/// Device class and thread count are part of a training's digest; rank count, paths and device
/// index are not.
TaskGraph make_task_graph(const Campaign& campaign, const std::vector<SampleInfo>& samples,
                          std::string_view device_class);

/// What a campaign will need, printed by `plan`.
struct Cost {
    std::uint64_t trainings = 0;
    std::uint64_t inferences = 0;
    std::uint64_t parameters_per_net = 0;
    double training_flop = 0.0;
    double inference_flop = 0.0;
    std::uint64_t disk_bytes = 0;         ///< of the finished run directory
    std::uint64_t peak_disk_bytes = 0;    ///< with checkpoints and partial files
    std::uint64_t inodes = 0;
    std::uint64_t trainer_memory_bytes = 0;  ///< of one trainer
    std::uint64_t fit_memory_bytes = 0;      ///< over all ranks
};

Cost cost_of(const Campaign& campaign, const std::vector<SampleInfo>& samples, const TaskGraph& graph);

}  // namespace ratiofarm
