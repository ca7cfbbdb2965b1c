# Fails on an include or a call outside the layering table of ARCHITECTURE.md, which stands here
# as data.    cmake -D ROOT=<source folder> -P layering.cmake
cmake_minimum_required(VERSION 3.25)

# layer(name FOLDER folder [MAY_INCLUDE area...] [LIBRARIES library...]
#       [INSIDE_MAY_INCLUDE area...] [INSIDE_LIBRARIES library...])
# FOLDER holds the sources, include/ratiofarm/<name> the public headers. What stands after INSIDE
# may be included in FOLDER only, so that public headers stay light. Every layer may use fmt.
function(layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER"
        "MAY_INCLUDE;LIBRARIES;INSIDE_MAY_INCLUDE;INSIDE_LIBRARIES")
    set(layer_${name}_folder "${arg_FOLDER}" PARENT_SCOPE)
    set(layer_${name}_areas "${name};${arg_MAY_INCLUDE}" PARENT_SCOPE)
    set(layer_${name}_inside_areas "${arg_INSIDE_MAY_INCLUDE}" PARENT_SCOPE)
    set(layer_${name}_libraries "${arg_LIBRARIES}" PARENT_SCOPE)
    set(layer_${name}_inside_libraries "fmt;${arg_INSIDE_LIBRARIES}" PARENT_SCOPE)
    set(layers ${layers} ${name} PARENT_SCOPE)
endfunction()

set(layers)
layer(core      FOLDER src/core        INSIDE_LIBRARIES spdlog xxhash zlib)
layer(physics   FOLDER src/physics     MAY_INCLUDE core LIBRARIES eigen)
layer(campaign  FOLDER src/campaign    MAY_INCLUDE core physics INSIDE_LIBRARIES toml boost)
layer(mpi       FOLDER src/mpi         MAY_INCLUDE core LIBRARIES mpi)
layer(h5        FOLDER src/h5          MAY_INCLUDE core mpi INSIDE_LIBRARIES hdf5)
layer(farm      FOLDER src/farm        MAY_INCLUDE core campaign
                                       INSIDE_MAY_INCLUDE mpi INSIDE_LIBRARIES mpi)
layer(store     FOLDER src/store       MAY_INCLUDE core INSIDE_LIBRARIES json)
layer(tables    FOLDER src/tables      MAY_INCLUDE core physics mpi h5)
layer(scheduler FOLDER scheduler       MAY_INCLUDE core campaign farm store)
layer(workers   FOLDER workers         MAY_INCLUDE core physics campaign mpi farm store tables)
layer(trainer   FOLDER workers/trainer MAY_INCLUDE core INSIDE_LIBRARIES torch cuda)
layer(fit       FOLDER fit             MAY_INCLUDE core physics mpi tables LIBRARIES eigen)
layer(report    FOLDER src/report      MAY_INCLUDE core physics campaign mpi h5 farm store tables
                                                   scheduler workers fit
                                       INSIDE_LIBRARIES eigen json)
layer(commands  FOLDER src/commands    MAY_INCLUDE core physics campaign mpi h5 farm store tables
                                                   scheduler workers fit report
                                       INSIDE_LIBRARIES eigen json boost)

# How an include line names an outside library.
set(library_fmt    "^fmt/")
set(library_spdlog "^spdlog/")
set(library_xxhash "^xxhash\\.h$")
set(library_zlib   "^zlib\\.h$")
set(library_eigen  "^Eigen/")
set(library_toml   "^toml\\+\\+/")
set(library_boost  "^boost/")
set(library_mpi    "^mpi(-ext)?\\.h$")
set(library_hdf5   "^(hdf5|H5[A-Za-z]*)\\.h$")
set(library_json   "^nlohmann/")
set(library_torch  "^(torch|ATen|c10|caffe2)/")
set(library_cuda   "^(cuda|cublas|nvml|driver_types)[a-zA-Z_]*\\.h$")
set(libraries fmt spdlog xxhash zlib eigen toml boost mpi hdf5 json torch cuda)

# These not even in a private header: it would spread to every source that includes it.
set(cpp_only_libraries torch cuda)

# Calls that belong to the layers with the library, however the declaration came in sight.
set(call_mpi  "[^A-Za-z0-9_]MPI_[A-Z][a-z]+[a-z_]*[ ]*\\(")
set(call_hdf5 "[^A-Za-z0-9_]H5[A-Z]+[a-z][a-z0-9_]*[ ]*\\(")

set(problems 0)
function(problem file text)
    math(EXPR count "${problems} + 1")
    set(problems ${count} PARENT_SCOPE)
    message(NOTICE "${file}: ${text}")
endfunction()

# Sets areas and libraries of the caller to what this file of the layer may use.
macro(allowed_in name file)
    set(areas ${layer_${name}_areas})
    set(own_libraries ${layer_${name}_libraries})
    if(NOT "${file}" MATCHES "^include/")
        list(APPEND areas ${layer_${name}_inside_areas})
        list(APPEND own_libraries ${layer_${name}_inside_libraries})
    endif()
endmacro()

function(check_library name file header)
    foreach(library IN LISTS libraries)
        if(NOT header MATCHES "${library_${library}}")
            continue()
        endif()
        if(NOT library IN_LIST own_libraries)
            problem(${file} "'${name}' must not use ${library} here (${header})")
        elseif(library IN_LIST cpp_only_libraries AND NOT file MATCHES "\\.(cpp|cu)$")
            problem(${file} "${library} belongs into .cpp files only (${header})")
        endif()
        set(problems ${problems} PARENT_SCOPE)
        return()
    endforeach()
    if(header MATCHES "/" AND NOT header MATCHES "^(sys|netinet|arpa|linux)/")
        problem(${file} "a library that the layering table does not know (${header})")
    endif()
    set(problems ${problems} PARENT_SCOPE)
endfunction()

function(check_include name file header)
    if(header MATCHES "^ratiofarm/([a-z0-9_]+)/")
        if(NOT CMAKE_MATCH_1 IN_LIST areas)
            problem(${file} "'${name}' must not include '${CMAKE_MATCH_1}' here (${header})")
        endif()
    elseif(header MATCHES "(^|/)\\.\\./")
        problem(${file} "an include that climbs out of its folder (${header})")
    else()
        check_library(${name} ${file} ${header})
    endif()
    set(problems ${problems} PARENT_SCOPE)
endfunction()

function(check_file name file)
    allowed_in(${name} ${file})
    file(STRINGS "${ROOT}/${file}" lines REGEX "^[ \t]*#[ \t]*include|MPI_|H5")
    foreach(line IN LISTS lines)
        if(line MATCHES "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"]")
            check_include(${name} ${file} "${CMAKE_MATCH_1}")
            continue()
        endif()
        string(REGEX REPLACE "//.*|\"[^\"]*\"" "" code " ${line}")
        foreach(library IN ITEMS mpi hdf5)
            if(code MATCHES "${call_${library}}" AND NOT library IN_LIST own_libraries)
                problem(${file} "'${name}' must not call ${library} (${CMAKE_MATCH_0})")
            endif()
        endforeach()
    endforeach()
    set(problems ${problems} PARENT_SCOPE)
endfunction()

set(checked 0)
foreach(name IN LISTS layers)
    file(GLOB_RECURSE files RELATIVE "${ROOT}"
        "${ROOT}/${layer_${name}_folder}/*.[chi]pp" "${ROOT}/${layer_${name}_folder}/*.cu"
        "${ROOT}/include/ratiofarm/${name}/*.hpp")
    if(name STREQUAL "workers")
        list(FILTER files EXCLUDE REGEX "^workers/trainer/")
    endif()
    foreach(file IN LISTS files)
        check_file(${name} ${file})
        math(EXPR checked "${checked} + 1")
    endforeach()
endforeach()

if(problems GREATER 0)
    message(FATAL_ERROR "${problems} includes or calls against the layering")
elseif(checked EQUAL 0)
    message(FATAL_ERROR "no source file below '${ROOT}'")
endif()
message(NOTICE "${checked} files keep to the layering")
