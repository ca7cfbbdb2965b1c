#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm {

enum class DeviceClass : std::uint8_t { cpu, cuda };

/// "cpu" or "cuda": the word used in digests and on the command line.
std::string device_class_name(DeviceClass device);

/// What one node offers to all its ranks together.
struct NodeResources {
    std::vector<int> cores;         ///< that this job may use
    std::vector<std::string> gpus;  ///< as CUDA_VISIBLE_DEVICES names them; may be empty
};

/// Place of a rank among the ranks of its node.
struct LocalRank {
    int rank = 0;
    int size = 1;
};

/// Where one trainer runs.
struct Placement {
    std::vector<int> cores;  ///< its own part; all of them where there are fewer cores than ranks
    std::string gpu;         ///< value of CUDA_VISIBLE_DEVICES; empty on the CPU
};

/// Shares a node among its ranks: cores in equal contiguous parts, GPUs in turn.
Placement place_trainer(const NodeResources& node, LocalRank local, DeviceClass device);

/// What this process may use of its node: the cores of the whole job where Open MPI bound the rank,
/// otherwise the process's own; the GPUs of CUDA_VISIBLE_DEVICES or else of /dev/nvidia*.
NodeResources node_resources();

}  // namespace ratiofarm
