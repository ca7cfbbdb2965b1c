#include "h5/dataset.hpp"

#include <cmath>
#include <numeric>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "h5/file.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

template <class T>
std::vector<T> counting(std::size_t size) {
    std::vector<T> values(size);
    std::iota(values.begin(), values.end(), T{1});
    return values;
}

}  // namespace

TEMPLATE_TEST_CASE("rows of every element type are read as they were written",
                   "[h5]",
                   float,
                   double,
                   std::int64_t,
                   std::uint32_t,
                   std::uint64_t) {
    const test::TemporaryDirectory folder;
    const auto values = counting<TestType>(21);
    const std::uint64_t shape[] = {7, 3};
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_all<TestType>(file, "/x", shape, values);
    }

    const h5::File file = h5::open_file(folder / "a.h5");
    const h5::Dataset dataset = h5::open_dataset(file, "/x");

    CHECK(h5::read_all<TestType>(file, "/x") == values);
    CHECK(h5::read_rows<TestType>(dataset, {2, 4}) ==
          std::vector<TestType>(values.begin() + 6, values.begin() + 12));
    CHECK(h5::read_rows<TestType>(dataset, {7, 7}).empty());
    CHECK(h5::describe(dataset).type == h5::element_type<TestType>());
    CHECK(h5::describe(dataset).shape == std::vector<std::uint64_t>{7, 3});
}

TEST_CASE("a contiguous dataset can be mapped at its offset", "[h5]") {
    const test::TemporaryDirectory folder;
    const auto small = counting<std::uint32_t>(3);
    const auto values = counting<double>(1000);
    const std::uint64_t three[] = {3};
    const std::uint64_t thousand[] = {1000};
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_all<std::uint32_t>(file, "/odd", three, small);
        h5::write_all<double>(file, "/x", thousand, values);
    }

    const auto offset = h5::dataset_offset(h5::open_dataset(h5::open_file(folder / "a.h5"), "/x"));
    REQUIRE(offset);
    const MappedFile mapped(folder / "a.h5");
    const auto seen = mapped.values<double>(*offset, 1000);

    CHECK(*offset % 64 == 0);
    CHECK(std::vector<double>(seen.begin(), seen.end()) == values);
}

TEST_CASE("a dataset may have no rows", "[h5]") {
    const test::TemporaryDirectory folder;
    const std::uint64_t shape[] = {0, 3};
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_all<float>(file, "/x", shape, {});
    }

    const h5::File file = h5::open_file(folder / "a.h5");

    CHECK(h5::read_all<float>(file, "/x").empty());
    CHECK(h5::describe(h5::open_dataset(file, "/x")).shape == std::vector<std::uint64_t>{0, 3});
}

TEST_CASE("values are converted to the type that is asked for", "[h5]") {
    const test::TemporaryDirectory folder;
    const std::vector<double> values{0.5, -1.25, 1e300};
    const std::uint64_t shape[] = {3};
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_all<double>(file, "/x", shape, values);
    }

    const auto read = h5::read_all<float>(h5::open_file(folder / "a.h5"), "/x");

    CHECK(read[0] == 0.5F);
    CHECK(read[1] == -1.25F);
    CHECK(std::isinf(read[2]));
}

TEST_CASE("a failing call throws HDF5's own words", "[h5]") {
    const test::TemporaryDirectory folder;
    const h5::File file = h5::create_file(folder / "a.h5");

    CHECK_THROWS_AS(h5::open_dataset(file, "/nothing"), DataError);
    CHECK_THROWS_WITH(h5::open_dataset(file, "/nothing"),
                      Contains("/nothing") && Contains("H5Dopen2") && Contains("doesn't exist"));
}
