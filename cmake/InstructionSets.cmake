# Kernels for several instruction sets, chosen at run time.

include_guard(GLOBAL)

# ratiofarm_add_kernels(target source...)
# Compiles the sources once per instruction set, each time into the namespace RATIOFARM_INSTRUCTIONS
# (portable, avx2, avx512) with vectors of RATIOFARM_LANE_WIDTH doubles (core/lanes.hpp), and adds
# all of them to a library of this folder. The sources hold nothing but kernels: an inline function
# of a library, compiled here, could end up in a program run on an older machine.
function(ratiofarm_add_kernels target)
    set(flags_portable "")
    set(width_portable 2)
    set(flags_avx2 -mavx2 -mfma -mf16c)
    set(width_avx2 4)
    # GCC 12 takes the undefined registers of its own AVX-512 header for mistakes.
    set(flags_avx512 -mavx512f ${flags_avx2} -Wno-uninitialized -Wno-maybe-uninitialized)
    set(width_avx512 8)
    set(instruction_sets portable)
    string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
    if(processor MATCHES "^(x86_64|amd64)$")
        list(APPEND instruction_sets avx2 avx512)
        target_compile_definitions(ratiofarm_${target} PRIVATE RATIOFARM_X86_KERNELS)
    endif()
    foreach(set IN LISTS instruction_sets)
        set(kernels ratiofarm_${target}_${set})
        add_library(${kernels} OBJECT ${ARGN})
        ratiofarm_configure_target(${kernels})
        target_compile_definitions(${kernels} PRIVATE
            RATIOFARM_INSTRUCTIONS=${set} RATIOFARM_LANE_WIDTH=${width_${set}})
        target_compile_options(${kernels} PRIVATE ${flags_${set}} -O3 -Wno-psabi)
        target_sources(ratiofarm_${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
    endforeach()
endfunction()
