# ratiofarm::torch, the CPU half of any LibTorch: wheel, zip, conda or module.
# Its own TorchConfig.cmake is not used: it fails without a CUDA toolkit when LibTorch was built
# with one. The CUDA half is opened at run time by the CUDA plugin.
#
# LIBTORCH (cache variable, then environment, then .deps/libtorch) is the folder that holds
# include/ and lib/. RATIOFARM_LIBTORCH_LIB is its lib folder afterwards.

set(libtorch_guess "${PROJECT_SOURCE_DIR}/.deps/libtorch")
if(DEFINED ENV{LIBTORCH} AND NOT "$ENV{LIBTORCH}" STREQUAL "")
    set(libtorch_guess "$ENV{LIBTORCH}")
endif()
set(LIBTORCH "${libtorch_guess}" CACHE PATH "Folder of a LibTorch, with include/ and lib/")

foreach(needed IN ITEMS include/torch/csrc/api/include/torch/torch.h lib/libtorch_cpu.so
                        lib/libc10.so)
    if(NOT EXISTS "${LIBTORCH}/${needed}")
        message(FATAL_ERROR
            "No LibTorch in '${LIBTORCH}': ${needed} is missing. "
            "Run './run setup' to get one, or point LIBTORCH at the folder that holds include/ "
            "and lib/.")
    endif()
endforeach()

file(REAL_PATH "${LIBTORCH}/lib" RATIOFARM_LIBTORCH_LIB)
if(NOT TARGET ratiofarm::torch)
    add_library(ratiofarm::c10 SHARED IMPORTED GLOBAL)
    set_target_properties(ratiofarm::c10 PROPERTIES
        IMPORTED_LOCATION "${RATIOFARM_LIBTORCH_LIB}/libc10.so")
    add_library(ratiofarm::torch SHARED IMPORTED GLOBAL)
    set_target_properties(ratiofarm::torch PROPERTIES
        IMPORTED_LOCATION "${RATIOFARM_LIBTORCH_LIB}/libtorch_cpu.so")
    target_include_directories(ratiofarm::torch SYSTEM INTERFACE
        "${LIBTORCH}/include" "${LIBTORCH}/include/torch/csrc/api/include")
    target_compile_definitions(ratiofarm::torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
    # libtorch_cpu.so of a CUDA build needs libcudart and libcupti, which its own RPATH finds at
    # run time in the wheels beside it; the linker need not see them.
    target_link_libraries(ratiofarm::torch INTERFACE ratiofarm::c10 Threads::Threads)
    target_link_options(ratiofarm::torch INTERFACE
        "LINKER:--allow-shlib-undefined" "LINKER:--unresolved-symbols=ignore-in-shared-libs")
endif()
