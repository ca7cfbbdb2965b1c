# ratiofarm::hdf5, the C library of an HDF5 built with MPI.
# HDF5_ROOT (variable or environment) points at an installation; otherwise Debian's hdf5-openmpi.

if(NOT TARGET ratiofarm::hdf5)
    add_library(ratiofarm::hdf5 INTERFACE IMPORTED GLOBAL)
    if(NOT HDF5_ROOT AND NOT DEFINED ENV{HDF5_ROOT})
        find_package(PkgConfig QUIET)
        pkg_check_modules(ratiofarm_pc_hdf5 QUIET IMPORTED_TARGET GLOBAL hdf5-openmpi)
    endif()
    if(ratiofarm_pc_hdf5_FOUND)
        target_link_libraries(ratiofarm::hdf5 INTERFACE PkgConfig::ratiofarm_pc_hdf5)
    else()
        set(HDF5_PREFER_PARALLEL ON)
        find_package(HDF5 1.10 REQUIRED COMPONENTS C)
        if(NOT HDF5_IS_PARALLEL)
            message(FATAL_ERROR
                "HDF5 ${HDF5_VERSION} was found, but it was built without MPI. "
                "Install a parallel one (Debian: libhdf5-openmpi-dev) or point HDF5_ROOT at it.")
        endif()
        target_include_directories(ratiofarm::hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
        target_link_libraries(ratiofarm::hdf5 INTERFACE ${HDF5_C_LIBRARIES})
    endif()
    target_link_libraries(ratiofarm::hdf5 INTERFACE MPI::MPI_CXX)
endif()
