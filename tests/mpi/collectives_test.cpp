#include <cmath>
#include <limits>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

mpi::Communicator world() { return mpi::Communicator::world(); }

}  // namespace

TEST_CASE("gathered values stand in rank order, with unequal and empty parts") {
    const auto comm = world();
    const std::vector<double> mine(static_cast<std::size_t>(comm.rank()), comm.rank());

    const auto all = mpi::all_gather(comm, mine);

    std::size_t at = 0;
    for (int rank = 0; rank < comm.size(); ++rank) {
        for (int i = 0; i < rank; ++i) CHECK(all.at(at++) == rank);
    }
    CHECK(at == all.size());
}

TEST_CASE("a broadcast brings the bytes of rank 0 everywhere") {
    const auto comm = world();
    std::vector<std::byte> bytes(comm.is_root() ? 1000 : 3, std::byte{42});

    bytes = mpi::broadcast(comm, bytes);

    CHECK(bytes == std::vector<std::byte>(1000, std::byte{42}));
}

TEST_CASE("a problem on one rank is thrown on every rank, with its message and exit code") {
    const auto comm = world();
    const int guilty = comm.size() - 1;
    try {
        mpi::together(comm, [&] {
            if (comm.rank() == guilty)
                throw SystemError("disk full on rank " + std::to_string(guilty));
        });
        FAIL("nothing was thrown");
    } catch (const mpi::AgreedError& error) {
        CHECK(std::string(error.what()) == "disk full on rank " + std::to_string(guilty));
        CHECK(error.exit_code() == ExitCode::resumable);
    }
    mpi::together(comm, [] {});
    CHECK_THROWS_AS(mpi::throw_if_any(comm, "everywhere"), mpi::AgreedError);
    CHECK_NOTHROW(mpi::throw_if_any(comm, std::nullopt));
}

TEST_CASE("extremes and integer sums are those over all ranks") {
    const auto comm = world();
    double low = comm.rank(), high = comm.rank();
    std::uint64_t count = 2;

    mpi::all_min(comm, std::span(&low, 1));
    mpi::all_max(comm, std::span(&high, 1));
    mpi::all_sum(comm, std::span(&count, 1));

    CHECK(low == 0.0);
    CHECK(high == comm.size() - 1);
    CHECK(count == 2 * static_cast<std::uint64_t>(comm.size()));
}
