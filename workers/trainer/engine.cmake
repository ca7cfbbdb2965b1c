# The nets themselves: packs of nets, loss, optimizer, device. No files, events or tasks.
set(engine_sources
    autograd_pack.cpp
    cpu_net.cpp
    cpu_pack.cpp
    cpu_product.cpp
    cpu_team.cpp
    cross_entropy.cpp
    cuda_plugin_loader.cpp
    device.cpp
    flat_optimizer.cpp
    net_pack.cpp
    recorded_work.cpp
    softmax_cross_entropy.cpp
    step_kernel.cpp
    step_kernel_portable.cpp
    tensor_passes.cpp
    written_pack.cpp)

# The same kernels for wider registers, chosen at run time. These files hold nothing but kernels:
# an inline function of a library, compiled here, could end up in a program run on an older machine.
set(step_kernels step_kernel_portable.cpp)
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
    list(APPEND engine_sources step_kernel_avx2.cpp step_kernel_avx512.cpp)
    list(APPEND step_kernels step_kernel_avx2.cpp step_kernel_avx512.cpp)
    set_source_files_properties(step_kernel_avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
    # GCC 12 takes the undefined registers of its own AVX-512 header for mistakes.
    set_source_files_properties(step_kernel_avx512.cpp PROPERTIES
        COMPILE_OPTIONS "-mavx512f;-mavx2;-mfma;-Wno-uninitialized;-Wno-maybe-uninitialized")
    set_source_files_properties(step_kernel.cpp PROPERTIES
        COMPILE_DEFINITIONS RATIOFARM_X86_KERNELS)
endif()
set_property(SOURCE ${step_kernels} APPEND PROPERTY COMPILE_OPTIONS "-O3;-Wno-psabi")

ratiofarm_add_library(trainer_engine INTERNAL
    SOURCES ${engine_sources}
    USES ratiofarm::core ratiofarm::torch ${CMAKE_DL_LIBS})
