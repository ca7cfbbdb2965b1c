# What every target of the project shares: language level, private warnings, where things land.

include_guard(GLOBAL)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

# Sources of a room share most of their headers: compiled a few at a time, each header is read once.
option(RATIOFARM_UNITY "Compile the sources of a library several at a time" ON)
set(RATIOFARM_UNITY_BATCH 16 CACHE STRING "About how many sources are compiled together")
option(RATIOFARM_WERROR "Treat warnings as errors" OFF)
set(RATIOFARM_SANITIZE "" CACHE STRING "Sanitizers for every target, for example address,undefined")

# Private compile options of a target that this project owns.
function(ratiofarm_configure_target target)
    target_compile_features(${target} PRIVATE cxx_std_20)
    # In-tree headers: "campaign/task_graph.hpp" of src, "fit/search/newton.hpp" of the top level.
    target_include_directories(${target} PRIVATE
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}")
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    # One result on every machine: no contraction that the source does not spell out.
    target_compile_options(${target} PRIVATE
        -ffp-contract=off
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow=local -Wnon-virtual-dtor -Woverloaded-virtual
        -Wold-style-cast -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
        $<$<BOOL:${RATIOFARM_WERROR}>:-Werror>)
    if(RATIOFARM_SANITIZE)
        target_compile_options(${target} PRIVATE
            -fsanitize=${RATIOFARM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${RATIOFARM_SANITIZE})
    endif()
endfunction()

# Compiles the sources of a target in batches of nearly equal size, RATIOFARM_UNITY_BATCH or so.
function(ratiofarm_compile_in_batches target)
    set(together 0)
    foreach(source IN LISTS ARGN)
        # CMake compiles a source with options of its own by itself.
        get_source_file_property(options "${source}" COMPILE_OPTIONS)
        get_source_file_property(definitions "${source}" COMPILE_DEFINITIONS)
        if(NOT options AND NOT definitions)
            math(EXPR together "${together} + 1")
        endif()
    endforeach()
    math(EXPR batches "(${together} + ${RATIOFARM_UNITY_BATCH} / 2) / ${RATIOFARM_UNITY_BATCH}")
    if(batches LESS 1)
        set(batches 1)
    endif()
    math(EXPR size "(${together} + ${batches} - 1) / ${batches}")
    set_target_properties(${target} PROPERTIES
        UNITY_BUILD ${RATIOFARM_UNITY} UNITY_BUILD_BATCH_SIZE ${size})
endfunction()

# ratiofarm_add_library(name [COMPONENT name] [SOURCES file...] [USES target...]
#                       [PRIVATE_USES target...] [PRIVATE_HEADERS target...])
# Makes ratiofarm_<name> with the alias ratiofarm::<name>. USES are public, PRIVATE_USES are not
# passed on, PRIVATE_HEADERS are nothing but headers, which nobody needs who links the library.
# Without SOURCES it is a header-only (INTERFACE) library. Only libraries of a COMPONENT of the
# package are installed (cmake/ratiofarmConfig.cmake.in).
function(ratiofarm_add_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMPONENT" "SOURCES;USES;PRIVATE_USES;PRIVATE_HEADERS")
    set(target ratiofarm_${name})
    if(arg_SOURCES)
        add_library(${target} STATIC ${arg_SOURCES})
        set(scope PUBLIC)
        ratiofarm_configure_target(${target})
        ratiofarm_compile_in_batches(${target} ${arg_SOURCES})
        target_link_libraries(${target} PRIVATE ${arg_PRIVATE_USES})
        foreach(headers IN LISTS arg_PRIVATE_HEADERS)
            target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${headers}>)
        endforeach()
    else()
        add_library(${target} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(${target} ${scope}
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_compile_features(${target} ${scope} cxx_std_20)
    target_link_libraries(${target} ${scope} ${arg_USES})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
    add_library(ratiofarm::${name} ALIAS ${target})
    if(arg_COMPONENT)
        set_property(GLOBAL APPEND PROPERTY RATIOFARM_COMPONENT_${arg_COMPONENT} ${target})
    endif()
endfunction()

# ratiofarm_add_program(name SOURCES file... [USES target...])
# Makes an executable called <name> in <build>/bin, installed to bin/.
function(ratiofarm_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
    add_executable(${name} ${arg_SOURCES})
    ratiofarm_configure_target(${name})
    target_link_libraries(${name} PRIVATE ${arg_USES})
    # The link path keeps an installed trainer beside the LibTorch that it was built with.
    set_target_properties(${name} PROPERTIES
        INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}"
        INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
