#include <optional>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"
#include "ratiofarm_test/small_disk.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A small disk of rank 0 that all ranks see under its path; empty if it cannot be mounted.
std::filesystem::path shared_path(const mpi::Communicator& comm,
                                  const std::optional<test::SmallDisk>& disk) {
    std::vector<std::byte> bytes;
    if (disk && disk->is_mounted()) {
        for (const char letter : disk->path().string())
            bytes.push_back(static_cast<std::byte>(letter));
    }
    std::string path;
    for (const std::byte byte : mpi::broadcast(comm, bytes)) path += static_cast<char>(byte);
    return path;
}

}  // namespace

TEST_CASE("an ensemble that does not fit on the disk fails on all ranks, resumably",
          "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    std::optional<test::SmallDisk> disk;
    if (comm.is_root()) disk.emplace("1m");
    const std::filesystem::path folder = shared_path(comm, disk);
    if (folder.empty()) {
        WARN("skipped: " << (disk ? disk->problem() : "rank 0 cannot mount a small disk"));
        return;
    }
    EnsembleHeader header = test::example_header(3);
    header.network.hidden = {400, 400};

    try {
        write_ensemble(comm, folder / "S.h5", header,
                       [&](std::uint64_t net) { return test::example_net(header, net); });
        FAIL("2 MiB fitted into 1 MiB");
    } catch (const Error& error) {
        CHECK(error.exit_code() == ExitCode::resumable);
        CHECK_THAT(error.what(),
                   Contains("S.h5") && Contains("bytes are needed") && Contains("are available"));
    }

    mpi::barrier(comm);
    CHECK(std::filesystem::is_empty(folder));
    mpi::barrier(comm);
}

TEST_CASE("an ensemble that fits on a small disk is written", "[tables][mpi]") {
    const auto comm = mpi::Communicator::world();
    std::optional<test::SmallDisk> disk;
    if (comm.is_root()) disk.emplace("1m");
    const std::filesystem::path folder = shared_path(comm, disk);
    if (folder.empty()) {
        WARN("skipped: " << (disk ? disk->problem() : "rank 0 cannot mount a small disk"));
        return;
    }
    const EnsembleHeader header = test::example_header(3);

    write_ensemble(comm, folder / "S.h5", header,
                   [&](std::uint64_t net) { return test::example_net(header, net); });

    CHECK(read_nets(read_ensemble(folder / "S.h5")).size() == 3);
    mpi::barrier(comm);
}
