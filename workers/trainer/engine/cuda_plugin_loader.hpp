#pragma once

#include <string>

namespace ratiofarm::trainer {

/// Loads the CUDA half of LibTorch and libratiofarm_cuda.so (beside this program, in ../lib or
/// ../bin, or by the loader's own search), and opens the first visible GPU. \return "cuda:0 <name>
/// <uuid> <pci id>" \throws ConfigError naming the library or the GPU that is missing and what to
/// do
std::string open_cuda();

/// After open_cuda(): libratiofarm_cuda_graph.so, or null where it was not built.
void* open_cuda_graphs();

}  // namespace ratiofarm::trainer
