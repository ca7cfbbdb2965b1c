#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/core/log.hpp"

namespace c10 {
struct TensorOptions;
}

namespace ratiofarm::trainer {

enum class DeviceChoice : std::uint8_t { automatic, cpu, cuda };

enum class DeviceKind : std::uint8_t { cpu, cuda };

/// What this trainer computes on.
struct Device {
    DeviceKind kind = DeviceKind::cpu;
    std::string description = "cpu";  ///< as in TrainerHello
};

/// Opens a device and sets what determines results for the life of the process: one operation at
/// a time, deterministic algorithms, full fp32 in matrix products, denormals flushed to zero.
/// The CUDA libraries are loaded only if a GPU is asked for, or for `automatic` if the machine
/// has an NVIDIA driver; a GPU process uses the first visible one (CUDA_VISIBLE_DEVICES).
/// \throws ConfigError for `cuda` without a usable GPU: what is missing and what to do
Device open_device(DeviceChoice choice, const Log& log);

/// CPU threads of the operations that follow. Part of what determines a result's bits.
/// \param threads  > 0
void set_threads(std::uint32_t threads);

/// Tensors of float on the device.
c10::TensorOptions float_on(DeviceKind kind);

/// Version of the LibTorch this program was built with.
std::string libtorch_version();

}  // namespace ratiofarm::trainer
