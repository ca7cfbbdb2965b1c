# ratiofarm::xxhash, from pkg-config (Debian ships no CMake package for it).

find_package(PkgConfig REQUIRED)
pkg_check_modules(ratiofarm_pc_xxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
if(NOT TARGET ratiofarm::xxhash)
    add_library(ratiofarm::xxhash ALIAS PkgConfig::ratiofarm_pc_xxhash)
endif()
