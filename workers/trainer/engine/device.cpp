#include "device.hpp"

#include <cstdlib>
#include <filesystem>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/TensorOptions.h>
#include <torch/version.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "cuda_plugin_loader.hpp"

namespace ratiofarm::trainer {
namespace {

/// What libraries read when they are first used.
void set_environment() {
    setenv("MKL_CBWR", "AUTO", 0);
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

/// On a CPU the bits of a training are determined by: LibTorch's version, the vector instructions
/// of the processor (both LibTorch and MKL choose kernels by them) and the thread count. What is
/// multiplied lies at the same places within lines of 64 bytes in every run, alone or in a pack,
/// which is what MKL asks for to repeat its results; MKL_CBWR=AUTO makes it keep one code path
/// whatever the load.
void make_results_repeatable() {
    at::set_num_interop_threads(1);
    at::globalContext().setDeterministicAlgorithms(true, false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setFlushDenormal(true);
}

bool driver_present() { return std::filesystem::exists("/dev/nvidiactl"); }

Device choose_device(DeviceChoice choice, const Log& log) {
    if (choice == DeviceChoice::cpu) return {};
    if (choice == DeviceChoice::automatic && !driver_present()) return {};
    try {
        return {.kind = DeviceKind::cuda, .description = open_cuda()};
    } catch (const Error& error) {
        if (choice == DeviceChoice::cuda) throw;
        log.warning("no usable GPU, computing on the CPU", {{"reason", error.what()}});
        return {};
    }
}

}  // namespace

Device open_device(DeviceChoice choice, const Log& log) {
    set_environment();
    // First the device: LibTorch asks only once whether its CUDA half is there.
    Device device = choose_device(choice, log);
    make_results_repeatable();
    return device;
}

void set_threads(std::uint32_t threads) {
    RATIOFARM_EXPECT(threads > 0);
    at::set_num_threads(static_cast<int>(threads));
}

c10::TensorOptions float_on(DeviceKind kind) {
    const at::DeviceType type = kind == DeviceKind::cuda ? at::kCUDA : at::kCPU;
    return at::TensorOptions()
        .dtype(at::kFloat)
        .device(at::Device(type, type == at::kCUDA ? 0 : -1));
}

std::string libtorch_version() { return TORCH_VERSION; }

}  // namespace ratiofarm::trainer
