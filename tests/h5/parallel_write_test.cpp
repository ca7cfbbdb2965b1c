#include <functional>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/communicator.hpp"
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

/// The pattern of the documentation: skeleton by rank 0, values by everyone.
void write_together(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    std::uint64_t rows,
                    const std::function<void(const h5::Dataset&)>& write) {
    if (comm.is_root()) {
        h5::File file = h5::create_file(path);
        const std::uint64_t shape[] = {rows, 3};
        h5::create_dataset(file, "/x", h5::ElementType::f32, shape);
        h5::close(std::move(file));
    }
    mpi::barrier(comm);
    const h5::File file = h5::open_for_values(path);
    write(h5::open_dataset(file, "/x"));
    h5::flush(file);
    mpi::barrier(comm);
}

Range share(const mpi::Communicator& comm, std::uint64_t size) {
    return block_partition(size, static_cast<std::uint64_t>(comm.size()),
                           static_cast<std::uint64_t>(comm.rank()));
}

}  // namespace

TEST_CASE("rows written by all ranks are read by each of them", "[h5][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const std::uint64_t rows = GENERATE(1, 2, 7, 1001);
    const auto path = folder / ("rows" + std::to_string(rows) + ".h5");

    write_together(comm, path, rows, [&](const h5::Dataset& dataset) {
        const Range mine = share(comm, rows);
        h5::write_rows<float>(dataset, mine, rows_of(mine));
    });

    CHECK(h5::read_all<float>(h5::open_file(path), "/x") == rows_of({0, rows}));
}

TEST_CASE("ranks write columns of the same rows", "[h5][mpi]") {
    const auto comm = mpi::Communicator::world();
    const test::SharedFolder folder(comm);
    const std::uint64_t rows = 501;

    write_together(comm, folder / "columns.h5", rows, [&](const h5::Dataset& dataset) {
        const Range columns = share(comm, 3);
        std::vector<float> values;
        for (std::uint64_t row = 1; row < rows; ++row) {
            for (std::uint64_t column = columns.first; column < columns.last; ++column)
                values.push_back(value_at(row, column));
        }
        h5::write_part(dataset, {{1, rows}, columns}, h5::ElementType::f32, values.data());
        if (comm.is_root()) h5::write_rows<float>(dataset, {0, 1}, rows_of({0, 1}));
    });

    CHECK(h5::read_all<float>(h5::open_file(folder / "columns.h5"), "/x") == rows_of({0, rows}));
}
