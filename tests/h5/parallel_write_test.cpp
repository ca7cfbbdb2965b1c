#include "ratiofarm/core/partition.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"

using namespace ratiofarm;

namespace {

float value_at(std::uint64_t row, std::uint64_t column) {
    return static_cast<float>(10 * row + column);
}

/// Rows of one rank, [rows, 3].
std::vector<float> rows_of(Range mine) {
    std::vector<float> values;
    for (std::uint64_t row = mine.first; row < mine.last; ++row) {
        for (std::uint64_t column = 0; column < 3; ++column)
            values.push_back(value_at(row, column));
    }
    return values;
}

/// The pattern of the documentation: skeleton by rank 0, rows by everyone.
void write_together(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    std::uint64_t rows) {
    if (comm.is_root()) {
        const h5::File file = h5::create_file(path);
        const std::uint64_t shape[] = {rows, 3};
        h5::create_dataset(file, "/x", h5::ElementType::f32, shape);
    }
    mpi::barrier(comm);
    const h5::File file = h5::open_file_together(comm, path);
    const Range mine = block_partition(rows, static_cast<std::uint64_t>(comm.size()),
                                       static_cast<std::uint64_t>(comm.rank()));
    h5::write_rows<float>(h5::open_dataset(file, "/x"), mine, rows_of(mine));
    h5::flush(file);
}

}  // namespace

TEST_CASE("rows written by all ranks are read by each of them", "[h5][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const std::uint64_t rows = GENERATE(1, 2, 7, 1001);
    const auto path = folder / ("rows" + std::to_string(rows) + ".h5");

    write_together(comm, path, rows);
    mpi::barrier(comm);

    CHECK(h5::read_all<float>(h5::open_file(path), "/x") == rows_of({0, rows}));
}

TEST_CASE("a null communicator opens a file without MPI", "[h5][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const auto path = folder / ("alone" + std::to_string(comm.rank()) + ".h5");

    write_together(mpi::Communicator(), path, 5);

    CHECK(h5::read_all<float>(h5::open_file(path), "/x") == rows_of({0, 5}));
}
