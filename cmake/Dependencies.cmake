# Outside libraries as imported targets. Each is linked by the few areas that name it in USES.

include_guard(GLOBAL)

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
# Options such as the -pthread of Open MPI 5, for every source: precompiled headers must agree in them.
add_compile_options(${MPI_CXX_COMPILE_OPTIONS})
# Without the C++ bindings of old MPIs, which nobody uses: programs then run with Open MPI 5, too, which has none.
target_compile_definitions(MPI::MPI_CXX INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(Boost 1.70 REQUIRED COMPONENTS program_options)  # Boost::headers has Boost.Math
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(tomlplusplus REQUIRED)
include(Xxhash)
include(Hdf5)
include(LibTorch)
