#include "cuda_plugin_loader.hpp"

#include <filesystem>

#include <dlfcn.h>

#include <ATen/Context.h>

#include "ratiofarm/core/errors.hpp"

#include "cuda_plugin_api.h"

namespace ratiofarm::trainer {
namespace {

constexpr const char* advice = "; --device cpu computes without a GPU";

/// Folder of the loaded library or program that holds an address.
std::filesystem::path folder_of(const void* address) {
    Dl_info info{};
    if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
    return std::filesystem::absolute(info.dli_fname).parent_path();
}

/// Libraries stay open for the life of the process: LibTorch registers its kernels in it.
void* open_library(const std::string& path, const char* purpose) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library != nullptr) return library;
    const char* cause = dlerror();
    throw ConfigError(std::string("--device cuda: cannot load ") + purpose + " (" +
                      (cause == nullptr ? path : std::string(cause)) + ")" + advice);
}

/// Path of one of our plugins beside the program, or its bare name.
std::string plugin_path(const char* name) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& folder :
         {program, program / "../lib", program / "../lib64", program / "../bin"}) {
        if (std::filesystem::exists(folder / name)) return (folder / name).string();
    }
    return name;
}

void* open_plugin() {
    return open_library(plugin_path("libratiofarm_cuda.so"),
                        "ratiofarm's CUDA plugin, built only where a CUDA toolkit is found");
}

template <class Function>
Function* find(void* library, const char* name) {
    void* symbol = dlsym(library, name);
    if (symbol == nullptr) {
        throw ConfigError(std::string("--device cuda: libratiofarm_cuda.so lacks ") + name +
                          ": it belongs to another version" + advice);
    }
    return reinterpret_cast<Function*>(symbol);
}

std::string describe_first_gpu(void* plugin) {
    auto* error_text =
        find<decltype(ratiofarm_cuda_error_text)>(plugin, "ratiofarm_cuda_error_text");
    const auto refuse = [&](int code) {
        throw ConfigError(std::string("--device cuda: ") + error_text(code) + advice);
    };
    const int count =
        find<decltype(ratiofarm_cuda_device_count)>(plugin, "ratiofarm_cuda_device_count")();
    if (count < 0) refuse(-count);
    if (count == 0) {
        throw ConfigError(std::string("--device cuda: no GPU is visible to this process "
                                      "(CUDA_VISIBLE_DEVICES?)") +
                          advice);
    }
    ratiofarm_cuda_device gpu{};
    const int code =
        find<decltype(ratiofarm_cuda_describe)>(plugin, "ratiofarm_cuda_describe")(0, &gpu);
    if (code != 0) refuse(code);
    return std::string("cuda:0 ") + gpu.name + " " + gpu.uuid + " " + gpu.pci;
}

}  // namespace

std::string open_cuda() {
    // The plugin first: it is small and its answer to "is there a GPU" is the clearest.
    void* plugin = open_plugin();
    const int version =
        find<decltype(ratiofarm_cuda_plugin_version)>(plugin, "ratiofarm_cuda_plugin_version")();
    if (version != RATIOFARM_CUDA_PLUGIN_VERSION) {
        throw ConfigError("--device cuda: libratiofarm_cuda.so has version " +
                          std::to_string(version) + ", this trainer needs " +
                          std::to_string(RATIOFARM_CUDA_PLUGIN_VERSION) + advice);
    }
    const std::string gpu = describe_first_gpu(plugin);

    const auto torch_folder = folder_of(reinterpret_cast<const void*>(&at::globalContext));
    open_library((torch_folder / "libtorch_cuda.so").string(), "the CUDA half of LibTorch");
    if (!at::hasCUDA()) {
        throw ConfigError(std::string("--device cuda: LibTorch finds no usable GPU, although the "
                                      "driver lists ") +
                          gpu + advice);
    }
    return gpu;
}

void* open_cuda_graphs() {
    return dlopen(plugin_path("libratiofarm_cuda_graph.so").c_str(), RTLD_NOW | RTLD_LOCAL);
}

}  // namespace ratiofarm::trainer
