// Catch's main for tests that run on several ranks: every rank runs every test. Rank 0 reports as
// usual; another rank's report is shown only when something failed there.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

#include <mpi.h>
#include <unistd.h>

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

namespace {

std::string report_path(int rank) {
    return "/tmp/ratiofarm_test_" + std::to_string(getpid()) + "_rank" + std::to_string(rank);
}

void show_report(int rank, const std::string& path) {
    std::cerr << "---- rank " << rank << " ----\n" << std::ifstream(path).rdbuf() << std::flush;
}

}  // namespace

int main(int argc, char* argv[]) {
    // THREAD_MULTIPLE is what the program's own session asks for at most.
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);

    Catch::Session session;
    int failed = session.applyCommandLine(argc, argv);
    const std::string path = report_path(rank);
    if (failed == 0) {
        if (rank != 0) {
#if __has_include(<catch2/catch_session.hpp>)
            session.configData().defaultOutputFilename = path;
#else
            session.configData().outputFilename = path;
#endif
        }
        failed = session.run();
        if (rank != 0 && failed != 0) show_report(rank, path);
        if (rank != 0) std::remove(path.c_str());
    }

    // The others may wait in a collective that this rank will never reach, hence no reduction.
    if (failed != 0) MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Finalize();
    return 0;
}
