// libratiofarm_cuda_graph.so: records work of LibTorch on a GPU and repeats it with one launch.
// Opened after LibTorch's CUDA half, with which it is linked.

#include <cstdio>
#include <exception>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include "cuda_plugin_api.h"

struct ratiofarm_cuda_recording {
    at::cuda::CUDAGraph graph;  // with the memory that the work allocated
};

ratiofarm_cuda_recording* ratiofarm_cuda_record(void (*work)(void*),
                                                void* data,
                                                char* error,
                                                unsigned long long error_size) {
    auto* recording = new ratiofarm_cuda_recording;
    try {
        // The default stream cannot be recorded. Nothing may be under way beside a recording.
        c10::cuda::device_synchronize();
        const c10::cuda::CUDAStreamGuard side(c10::cuda::getStreamFromPool());
        recording->graph.capture_begin();
        work(data);
        recording->graph.capture_end();
        return recording;
    } catch (const std::exception& problem) {
        std::snprintf(error, error_size, "%s", problem.what());
        delete recording;
        return nullptr;
    }
}

int ratiofarm_cuda_replay(ratiofarm_cuda_recording* recording,
                          char* error,
                          unsigned long long error_size) {
    try {
        recording->graph.replay();
        return 0;
    } catch (const std::exception& problem) {
        std::snprintf(error, error_size, "%s", problem.what());
        return 1;
    }
}

void ratiofarm_cuda_forget(ratiofarm_cuda_recording* recording) { delete recording; }
