#pragma once

#include <filesystem>

#include "store/run_directory.hpp"
#include "workers/placement.hpp"

#include "farm_settings.hpp"

namespace ratiofarm {

/// Where a rank works, and how; the same on every rank but for its cores and its GPU.
struct RunPlace {
    RunDirectory directory;
    std::filesystem::path ratios;  ///< ratio file of the fit; the run directory's own by default
    DeviceClass device = DeviceClass::cpu;  ///< of nets, whose digests name it
    Placement placement;                    ///< cores and GPU of this rank
    FarmSettings farm;

    unsigned threads() const { return static_cast<unsigned>(placement.cores.size()); }
};

}  // namespace ratiofarm
