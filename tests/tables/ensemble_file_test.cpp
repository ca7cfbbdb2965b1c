#include "ratiofarm/tables/ensemble_file.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

EnsembleProvider provider_for(const EnsembleHeader& header) {
    return [&header](std::uint64_t net) { return test::example_net(header, net); };
}

}  // namespace

TEST_CASE("nets written by all ranks are read as they were", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(GENERATE(1, 2, 5, 7));
    const auto path = folder / ("S" + std::to_string(header.nets) + ".h5");

    write_ensemble(comm, path, header, provider_for(header));
    const EnsembleFile ensemble = read_ensemble(path);
    const std::vector<EnsembleNet> nets = read_nets(ensemble);

    CHECK(ensemble.header == header);
    REQUIRE(nets.size() == header.nets);
    for (std::uint64_t net = 0; net < header.nets; ++net) {
        const EnsembleNet expected = test::example_net(header, net);
        CHECK(nets[net].task == expected.task);
        CHECK(nets[net].seed == expected.seed);
        CHECK(encode(nets[net].result) == encode(expected.result));
    }
    CHECK(!std::filesystem::exists(path.string() + ".partial"));
    mpi::barrier(comm);
}

TEST_CASE("the number of ranks does not change a bit of an ensemble", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(5);
    const auto alone = folder / ("alone" + std::to_string(comm.rank()) + ".h5");

    write_ensemble(comm, folder / "together.h5", header, provider_for(header));
    write_ensemble(mpi::Communicator(), alone, header, provider_for(header));

    CHECK(dataset_digests(folder / "together.h5") == dataset_digests(alone));
    CHECK(verify_file(folder / "together.h5").empty());
}

TEST_CASE("rows of nets can be mapped at their offset", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(3);
    write_ensemble(comm, folder / "S.h5", header, provider_for(header));

    const EnsembleFile ensemble = read_ensemble(folder / "S.h5");
    const MappedFile mapped(ensemble.path);
    const auto rows = mapped.values<float>(ensemble.weights_offset, 3 * header.row_stride());

    CHECK(header.row_stride() % 16 == 0);
    for (std::uint64_t net = 0; net < 3; ++net) {
        const auto row = rows.subspan(net * header.row_stride(), header.row_size());
        CHECK(std::ranges::equal(row, test::example_net(header, net).result.row));
    }
}

TEST_CASE("a net that is not there fails all ranks and leaves no file", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(4);
    const auto last_is_missing = [&](std::uint64_t net) {
        if (net == 3) throw DataError("no result of net 3");
        return test::example_net(header, net);
    };

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, last_is_missing),
                      Contains("S.h5") && Contains("no result of net 3"));

    mpi::barrier(comm);
    CHECK(!std::filesystem::exists(folder / "S.h5"));
    CHECK(!std::filesystem::exists(folder / "S.h5.partial"));
}

TEST_CASE("a net of another network is refused", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(2);
    EnsembleHeader wider = header;
    wider.network.hidden = {9};

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, provider_for(wider)),
                      Contains("net 0 of 'S' has"));
}

TEST_CASE("more nets than a file holds are refused with the limit", "[tables][mpi]") {
    const auto comm = mpi::Communicator::duplicate(MPI_COMM_WORLD);
    const test::SharedFolder folder(comm);
    const EnsembleHeader header = test::example_header(1001);

    CHECK_THROWS_WITH(write_ensemble(comm, folder / "S.h5", header, provider_for(header)),
                      Contains("1001 nets") && Contains("at most 1000"));
}
