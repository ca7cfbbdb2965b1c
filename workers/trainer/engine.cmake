# The nets themselves: packs of nets, loss, optimizer, device. No files, events or tasks.
set(engine_sources
    autograd_pack.cpp
    cross_entropy.cpp
    cuda_plugin_loader.cpp
    device.cpp
    flat_optimizer.cpp
    net_pack.cpp
    written_pack.cpp)

ratiofarm_add_library(trainer_engine INTERNAL
    SOURCES ${engine_sources}
    USES ratiofarm::core ratiofarm::torch ${CMAKE_DL_LIBS})
