# ratiofarm_add_test(name SOURCES file... [USES target...] [RANKS n...] [TIMEOUT seconds]
#                    [PROCESSORS n] [LABELS label...])
# One Catch2 program. Without RANKS one plain ctest entry, <name>; with RANKS one entry per rank
# count, <name>_<n>ranks, started by the MPI launcher with a main that initialises MPI.
# Sources are relative to tests/ (area/x_test.cpp) or to the folder that calls.

include_guard(GLOBAL)

find_package(Catch2 REQUIRED)
if(NOT MPIEXEC_EXECUTABLE)
    message(FATAL_ERROR "No MPI launcher (mpirun): the tests cannot run on several ranks. "
                        "Install openmpi-bin, or set MPIEXEC_EXECUTABLE.")
endif()

# The Python of ./run setup, with numpy, h5py and the event generator.
set(RATIOFARM_PYTHON "${PROJECT_SOURCE_DIR}/.deps/venv/bin/python" CACHE FILEPATH
    "Python with the helpers of scripts/requirements.txt, for tests and examples")

# What every test sees: one thread, threads that wait without spinning, the permission that Open MPI
# 4 and 5 want from root, and sanitizers without leak reports (MPI keeps what it allocates).
set(RATIOFARM_TEST_ENVIRONMENT
    OMP_NUM_THREADS=1
    OMP_WAIT_POLICY=passive
    RATIOFARM_PYTHON=${RATIOFARM_PYTHON}
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1
    PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    HDF5_USE_FILE_LOCKING=FALSE
    ASAN_OPTIONS=detect_leaks=0
    UBSAN_OPTIONS=print_stacktrace=1)

# What `.ci/run` builds with sanitizers: the tests labelled so, of everything that reads bytes or
# words from outside, and of what all else stands on.
add_custom_target(ratiofarm_sanitized_tests)

# Lets the sources of a target begin with the precompiled headers of another one.
function(ratiofarm_reuse_headers target owner)
    if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
        return()
    endif()
    target_precompile_headers(${target} REUSE_FROM ${owner})
    # So that ccache, too, sees what the precompiled file stands for.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

function(ratiofarm_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;PROCESSORS" "SOURCES;USES;RANKS;LABELS")
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "ratiofarm_add_test(${name}): SOURCES is missing")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()

    foreach(source IN LISTS arg_SOURCES)
        if(NOT IS_ABSOLUTE "${source}" AND NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
            set(source "${PROJECT_SOURCE_DIR}/tests/${source}")
        endif()
        list(APPEND sources "${source}")
    endforeach()
    set(program test_${name})
    add_executable(${program} ${sources})
    ratiofarm_configure_target(${program})
    set_target_properties(${program} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    target_compile_definitions(${program} PRIVATE
        RATIOFARM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
        RATIOFARM_BIN_DIR="${PROJECT_BINARY_DIR}/bin"
        RATIOFARM_PYTHON="${RATIOFARM_PYTHON}")
    target_link_libraries(${program} PRIVATE ${arg_USES})
    # Catch2 is parsed once for all tests, but for those of the trainer: LibTorch has a CHECK of its
    # own and output operators for vectors, so that its headers must come before Catch's or not at all.
    if(NOT arg_USES MATCHES "trainer_(lib|engine)")
        ratiofarm_reuse_headers(${program} ratiofarm_test_headers)
    endif()
    if("sanitize" IN_LIST arg_LABELS)
        add_dependencies(ratiofarm_sanitized_tests ${program})
    endif()

    if(NOT arg_RANKS)
        target_link_libraries(${program} PRIVATE ratiofarm_test_main)
        ratiofarm_add_test_entry(${name} 1 ${program})
        return()
    endif()
    target_link_libraries(${program} PRIVATE ratiofarm_test_mpi_main)
    foreach(ranks IN LISTS arg_RANKS)
        ratiofarm_add_test_entry(${name}_${ranks}ranks ${ranks}
            ${MPIEXEC_EXECUTABLE} --oversubscribe ${MPIEXEC_NUMPROC_FLAG} ${ranks}
            $<TARGET_FILE:${program}>)
    endforeach()
endfunction()

# One ctest entry; reads TIMEOUT, PROCESSORS and LABELS of its caller.
function(ratiofarm_add_test_entry entry ranks)
    add_test(NAME ${entry} COMMAND ${ARGN})
    if(arg_PROCESSORS)
        set(ranks ${arg_PROCESSORS})
    endif()
    set_tests_properties(${entry} PROPERTIES
        ENVIRONMENT "${RATIOFARM_TEST_ENVIRONMENT}"
        PROCESSORS ${ranks}
        TIMEOUT ${arg_TIMEOUT}
        LABELS "${arg_LABELS}")
endfunction()
