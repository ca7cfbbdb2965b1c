#include "h5/file.hpp"

#include <chrono>
#include <thread>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "h5/dataset.hpp"
#include "h5/free_space.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

void write_example(const std::filesystem::path& path) {
    const h5::File file = h5::create_file(path);
    const std::uint64_t shape[] = {1000};
    h5::create_group(file, "/a/b");
    h5::create_dataset(file, "/a/b/x", h5::ElementType::f64, shape);
    h5::create_dataset(file, "/a/y", h5::ElementType::f32, shape);
    h5::create_dataset(file, "/z", h5::ElementType::u32, shape);
}

}  // namespace

TEST_CASE("a file knows its groups and datasets", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "a.h5");

    const h5::File file = h5::open_file(folder / "a.h5");

    CHECK(h5::member_names(file, "/") == std::vector<std::string>{"a", "z"});
    CHECK(h5::dataset_paths(file) == std::vector<std::string>{"/a/b/x", "/a/y", "/z"});
    CHECK(h5::is_group(file, "/a/b"));
    CHECK(!h5::is_group(file, "/z"));
    CHECK(h5::is_dataset(file, "/a/y"));
    CHECK(h5::exists(file, "/"));
    CHECK(!h5::exists(file, "/nothing/below"));
}

TEST_CASE("a file that cannot be opened is described in the user's words", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "a.h5");
    const auto size = std::filesystem::file_size(folder / "a.h5");
    publish(folder / "text.h5", "not a table\n");
    publish(folder / "empty.h5", "");

    CHECK_THROWS_WITH(h5::open_file(folder / "none.h5"),
                      Contains("none.h5") && Contains("does not exist"));
    CHECK_THROWS_WITH(h5::open_file(folder.path()), Contains("is not a file"));
    CHECK_THROWS_WITH(h5::open_file(folder / "text.h5"), Contains("is not an HDF5 file"));
    CHECK_THROWS_AS(h5::open_file(folder / "empty.h5"), DataError);

    std::filesystem::resize_file(folder / "a.h5", size - 1000);
    CHECK_THROWS_AS(h5::open_file(folder / "a.h5"), DataError);
    CHECK_THROWS_WITH(h5::open_file(folder / "a.h5"), Contains("is truncated") &&
                                                          Contains(std::to_string(size)) &&
                                                          Contains(std::to_string(size - 1000)));
}

TEST_CASE("two files with the same content have the same bytes", "[h5]") {
    const test::TemporaryDirectory folder;
    const std::uint64_t shape[] = {3};
    const std::vector<double> values{1.0, 2.0, 3.0};
    for (const char* name : {"a.h5", "b.h5"}) {
        const h5::File file = h5::create_file(folder / name);
        h5::write_all<double>(file, "/x", shape, values);
    }

    CHECK(read_file(folder / "a.h5") == read_file(folder / "b.h5"));
}

TEST_CASE("a file that does not fit is refused with both numbers", "[h5]") {
    const test::TemporaryDirectory folder;
    const std::uint64_t available = h5::free_space(folder.path());
    const std::uint64_t needed = std::uint64_t{1} << 62;

    CHECK(available > 0);
    CHECK_NOTHROW(h5::require_free_space(folder / "not/yet/there.h5", 1));
    try {
        h5::require_free_space(folder / "a.h5", needed);
        FAIL("it fitted");
    } catch (const SystemError& error) {
        CHECK(error.exit_code() == ExitCode::resumable);
        CHECK_THAT(error.what(), Contains("a.h5") && Contains(std::to_string(needed)));
    }
}

TEST_CASE("a file written a second later has the same bytes: it holds no times", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "first.h5");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 counts seconds
    write_example(folder / "second.h5");

    CHECK(read_text(folder / "first.h5") == read_text(folder / "second.h5"));
}
