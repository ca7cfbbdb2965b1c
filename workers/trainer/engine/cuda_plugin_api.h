/* The one door between ratiofarm-trainer and CUDA headers: what libratiofarm_cuda.so offers and,
   below, libratiofarm_cuda_graph.so, which needs LibTorch's CUDA half as well.
   Plain C, so that a trainer built without a toolkit can load a plugin built with one. */
#ifndef RATIOFARM_CUDA_PLUGIN_API_H
#define RATIOFARM_CUDA_PLUGIN_API_H

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when the struct or the meaning of a function changes. */
#define RATIOFARM_CUDA_PLUGIN_VERSION 1

typedef struct {
    char name[256];                 /* "NVIDIA H100 80GB HBM3" */
    char uuid[48];                  /* "GPU-00112233-4455-6677-8899-aabbccddeeff" */
    char pci[32];                   /* "0000:1b:00.0" */
    unsigned long long memory;      /* bytes in all */
    unsigned long long free_memory; /* bytes */
    int compute_capability;         /* 10 * major + minor */
} ratiofarm_cuda_device;

int ratiofarm_cuda_plugin_version(void);

/* Number of visible devices; negative: the CUDA runtime's error code with its sign changed. */
int ratiofarm_cuda_device_count(void);

/* Fills `device`; 0 on success, else the CUDA runtime's error code. */
int ratiofarm_cuda_describe(int index, ratiofarm_cuda_device* device);

/* The CUDA runtime's words for an error code. */
const char* ratiofarm_cuda_error_text(int code);

/* libratiofarm_cuda_graph.so */

typedef struct ratiofarm_cuda_recording ratiofarm_cuda_recording;

/* Records what `work` launches, without doing it. NULL on failure, with its cause in `error`. */
ratiofarm_cuda_recording* ratiofarm_cuda_record(void (*work)(void*),
                                                void* data,
                                                char* error,
                                                unsigned long long error_size);

/* Does it, on the current stream; 0 on success. */
int ratiofarm_cuda_replay(ratiofarm_cuda_recording* recording,
                          char* error,
                          unsigned long long error_size);

void ratiofarm_cuda_forget(ratiofarm_cuda_recording* recording);

#ifdef __cplusplus
}
#endif

#endif
