# ratiofarm::hdf5, the C library of HDF5, with or without MPI: each rank writes its rows by itself.
# HDF5_ROOT (variable or environment) points at an installation; otherwise Debian's hdf5-openmpi, or any.

if(NOT TARGET ratiofarm::hdf5)
    add_library(ratiofarm::hdf5 INTERFACE IMPORTED GLOBAL)
    if(NOT HDF5_ROOT AND NOT DEFINED ENV{HDF5_ROOT})
        find_package(PkgConfig QUIET)
        pkg_check_modules(ratiofarm_pc_hdf5 QUIET IMPORTED_TARGET GLOBAL hdf5-openmpi)
    endif()
    if(ratiofarm_pc_hdf5_FOUND)
        target_link_libraries(ratiofarm::hdf5 INTERFACE PkgConfig::ratiofarm_pc_hdf5)
        set(HDF5_IS_PARALLEL ON)
    else()
        find_package(HDF5 1.10 REQUIRED COMPONENTS C)
        target_include_directories(ratiofarm::hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
        target_link_libraries(ratiofarm::hdf5 INTERFACE ${HDF5_C_LIBRARIES})
    endif()
    # The header of a parallel HDF5 includes mpi.h.
    if(HDF5_IS_PARALLEL)
        target_link_libraries(ratiofarm::hdf5 INTERFACE MPI::MPI_CXX)
    endif()
endif()
