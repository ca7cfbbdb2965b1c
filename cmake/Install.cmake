# Installs programs (done where they are made), the libraries of the components of the package, their
# headers (all of include/) and the package itself.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ratiofarm")

foreach(component IN ITEMS fit tables)
    get_property(libraries GLOBAL PROPERTY RATIOFARM_COMPONENT_${component})
    install(TARGETS ${libraries} EXPORT ratiofarm_${component}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT ratiofarm_${component} NAMESPACE ratiofarm:: DESTINATION ${package_dir})
endforeach()
install(DIRECTORY include/ratiofarm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

configure_package_config_file(cmake/ratiofarmConfig.cmake.in
    "${PROJECT_BINARY_DIR}/ratiofarmConfig.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ratiofarmConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/ratiofarmConfig.cmake"
    "${PROJECT_BINARY_DIR}/ratiofarmConfigVersion.cmake"
    cmake/Hdf5.cmake
    cmake/Xxhash.cmake
    DESTINATION ${package_dir})

install(PROGRAMS scripts/import_events.py scripts/event_expressions.py scripts/event_tables.py
    scripts/import_madminer.py DESTINATION ${CMAKE_INSTALL_DATADIR}/ratiofarm)
install(PROGRAMS slurm/site.sh slurm/supervise.sh slurm/run.sbatch slurm/local.sh
    DESTINATION ${CMAKE_INSTALL_DATADIR}/ratiofarm/slurm)
