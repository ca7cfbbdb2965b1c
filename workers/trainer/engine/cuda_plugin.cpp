// libratiofarm_cuda.so: the only file that is compiled against CUDA headers.

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <cuda_runtime_api.h>

#include "cuda_plugin_api.h"

namespace {

void write_uuid(char* text, std::size_t size, const cudaUUID_t& uuid) {
    const auto byte = [&](int index) {
        return static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[index]));
    };
    int used = std::snprintf(text, size, "GPU");
    for (int index = 0; index < 16; ++index) {
        const bool dash = index == 0 || index == 4 || index == 6 || index == 8 || index == 10;
        used += std::snprintf(text + used, size - static_cast<std::size_t>(used), "%s%02x",
                              dash ? "-" : "", byte(index));
    }
}

}  // namespace

int ratiofarm_cuda_plugin_version() { return RATIOFARM_CUDA_PLUGIN_VERSION; }

int ratiofarm_cuda_device_count() {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    return error == cudaSuccess ? count : -static_cast<int>(error);
}

int ratiofarm_cuda_describe(int index, ratiofarm_cuda_device* device) {
    cudaDeviceProp properties;
    cudaError_t error = cudaGetDeviceProperties(&properties, index);
    if (error != cudaSuccess) return static_cast<int>(error);
    error = cudaSetDevice(index);
    if (error != cudaSuccess) return static_cast<int>(error);
    std::size_t free_memory = 0;
    std::size_t memory = 0;
    error = cudaMemGetInfo(&free_memory, &memory);
    if (error != cudaSuccess) return static_cast<int>(error);

    std::snprintf(device->name, sizeof device->name, "%s", properties.name);
    write_uuid(device->uuid, sizeof device->uuid, properties.uuid);
    std::snprintf(device->pci, sizeof device->pci, "%04x:%02x:%02x.0",
                  static_cast<unsigned>(properties.pciDomainID),
                  static_cast<unsigned>(properties.pciBusID),
                  static_cast<unsigned>(properties.pciDeviceID));
    device->memory = memory;
    device->free_memory = free_memory;
    device->compute_capability = 10 * properties.major + properties.minor;
    return 0;
}

const char* ratiofarm_cuda_error_text(int code) {
    return cudaGetErrorString(static_cast<cudaError_t>(code));
}
