#include <cstdlib>

#include "ratiofarm_test/catch.hpp"

#include "h5/file.hpp"

using ratiofarm::h5::parallel_write_note;

TEST_CASE("only Open MPI before 4.1.7 is warned about", "[h5]") {
    CHECK(parallel_write_note("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"));
    CHECK(parallel_write_note("Open MPI 3.1.6"));
    CHECK(!parallel_write_note("Open MPI v4.1.7, package: x"));
    CHECK(!parallel_write_note("Open MPI v5.0.2, package: x"));
    CHECK(!parallel_write_note("MPICH Version: 4.0.2"));
    CHECK(!parallel_write_note(""));
}

TEST_CASE("Open MPI with ROMIO is not warned about", "[h5]") {
    setenv("OMPI_MCA_io", "romio321", 1);

    CHECK(!parallel_write_note("Open MPI v4.1.4"));

    unsetenv("OMPI_MCA_io");
    CHECK(parallel_write_note("Open MPI v4.1.4"));
}
