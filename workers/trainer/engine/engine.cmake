# The nets themselves: packs of nets, loss, optimizer, device. No files, events or tasks.
set(engine_sources
    engine/autograd_pack.cpp
    engine/cpu_net.cpp
    engine/cpu_pack.cpp
    engine/cpu_product.cpp
    engine/cpu_team.cpp
    engine/cross_entropy.cpp
    engine/cuda_plugin_loader.cpp
    engine/device.cpp
    engine/flat_optimizer.cpp
    engine/net_pack.cpp
    engine/recorded_work.cpp
    engine/softmax_cross_entropy.cpp
    engine/step_kernel.cpp
    engine/step_kernel_portable.cpp
    engine/tensor_passes.cpp
    engine/written_pack.cpp)

# The same kernels for wider registers, chosen at run time. These files hold nothing but kernels:
# an inline function of a library, compiled here, could end up in a program run on an older machine.
set(step_kernels engine/step_kernel_portable.cpp)
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
    list(APPEND engine_sources engine/step_kernel_avx2.cpp engine/step_kernel_avx512.cpp)
    list(APPEND step_kernels engine/step_kernel_avx2.cpp engine/step_kernel_avx512.cpp)
    set_source_files_properties(engine/step_kernel_avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
    # GCC 12 takes the undefined registers of its own AVX-512 header for mistakes.
    set_source_files_properties(engine/step_kernel_avx512.cpp PROPERTIES
        COMPILE_OPTIONS "-mavx512f;-mavx2;-mfma;-Wno-uninitialized;-Wno-maybe-uninitialized")
    set_source_files_properties(engine/step_kernel.cpp PROPERTIES
        COMPILE_DEFINITIONS RATIOFARM_X86_KERNELS)
endif()
set_property(SOURCE ${step_kernels} APPEND PROPERTY COMPILE_OPTIONS "-O3;-Wno-psabi")

ratiofarm_add_library(trainer_engine INTERNAL
    SOURCES ${engine_sources}
    USES ratiofarm::protocol ratiofarm::torch ${CMAKE_DL_LIBS})
