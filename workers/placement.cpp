#include "placement.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <sched.h>
#include <unistd.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/partition.hpp"

namespace ratiofarm {
namespace {

/// The daemon of Open MPI that started this process, 0 if something else did. It is not bound, so
/// its cores are those of the whole job on this node, where ours may be a single one.
pid_t open_mpi_daemon() {
    constexpr std::array<std::string_view, 6> daemons{"mpirun", "mpiexec", "orterun",
                                                      "orted",  "prterun", "prted"};
    std::ifstream file("/proc/" + std::to_string(::getppid()) + "/comm");
    std::string name;
    std::getline(file, name);
    return std::find(daemons.begin(), daemons.end(), name) == daemons.end() ? 0 : ::getppid();
}

std::vector<int> allowed_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(open_mpi_daemon(), sizeof allowed, &allowed);
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(static_cast<unsigned>(core), &allowed)) cores.push_back(core);
    }
    return cores;
}

std::vector<std::string> visible_gpus() {
    std::vector<std::string> gpus;
    if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
        std::istringstream list(visible);
        for (std::string gpu; std::getline(list, gpu, ',');) {
            if (!gpu.empty() && gpu != "-1" && gpu != "NoDevFiles") gpus.push_back(gpu);
        }
        return gpus;
    }
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/dev", error)) {
        const std::string name = entry.path().filename();
        const std::string number = name.starts_with("nvidia") ? name.substr(6) : "";
        const bool is_number =
            !number.empty() && std::all_of(number.begin(), number.end(),
                                           [](unsigned char c) { return std::isdigit(c) != 0; });
        if (is_number) gpus.push_back(number);
    }
    std::sort(gpus.begin(), gpus.end());
    return gpus;
}

}  // namespace

std::string device_class_name(DeviceClass device) {
    return device == DeviceClass::cuda ? "cuda" : "cpu";
}

Placement place_trainer(const NodeResources& node, LocalRank local, DeviceClass device) {
    RATIOFARM_EXPECT(local.size > 0 && local.rank >= 0 && local.rank < local.size);
    Placement placement;
    placement.cores = node.cores;
    if (node.cores.size() >= static_cast<std::size_t>(local.size)) {
        const Range part =
            block_partition(node.cores.size(), static_cast<std::uint64_t>(local.size),
                            static_cast<std::uint64_t>(local.rank));
        placement.cores.assign(node.cores.begin() + static_cast<std::ptrdiff_t>(part.first),
                               node.cores.begin() + static_cast<std::ptrdiff_t>(part.last));
    }
    if (device == DeviceClass::cuda && !node.gpus.empty()) {
        placement.gpu = node.gpus[static_cast<std::size_t>(local.rank) % node.gpus.size()];
    }
    return placement;
}

NodeResources node_resources() { return {allowed_cores(), visible_gpus()}; }

}  // namespace ratiofarm
