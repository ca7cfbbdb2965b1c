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
    engine/dropout_mask.cpp
    engine/flat_optimizer.cpp
    engine/net_pack.cpp
    engine/pack_in_turn.cpp
    engine/particle_chunk.cpp
    engine/particle_pack.cpp
    engine/product_pairs.cpp
    engine/recorded_work.cpp
    engine/row_kernel.cpp
    engine/row_layers.cpp
    engine/row_ops.cpp
    engine/row_program.cpp
    engine/step_kernel.cpp
    engine/tensor_graph.cpp
    engine/tensor_passes.cpp
    engine/written_pack.cpp)

ratiofarm_add_library(trainer_engine
    SOURCES ${engine_sources}
    USES ratiofarm::protocol ratiofarm::torch ${CMAKE_DL_LIBS})
ratiofarm_add_kernels(trainer_engine
    engine/product_lanes.cpp engine/row_kernel_lanes.cpp engine/step_kernel_lanes.cpp)
target_compile_options(ratiofarm_trainer_engine PRIVATE $<$<CONFIG:Release>:-O3>)
