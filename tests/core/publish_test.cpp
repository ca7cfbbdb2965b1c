#include "core/publish.hpp"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("publishing replaces the whole content and leaves nothing beside it") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "deep" / "file";

    publish(path, "a long first content");
    publish(path, "short");

    CHECK(read_text(path) == "short");
    CHECK(files_in(path.parent_path()) == 1);
}

TEST_CASE("publishing does not write through links") {
    const test::TemporaryDirectory folder;
    const fs::path precious = folder.path() / "precious";
    publish(precious, "kept");
    const fs::path path = folder.path() / "file";
    fs::create_symlink(precious, path);
    fs::create_symlink(precious, path.string() + "." + std::to_string(::getpid()) + ".partial");

    publish(path, "new");

    CHECK(read_text(precious) == "kept");
    CHECK(read_text(path) == "new");
    CHECK_FALSE(fs::is_symlink(path));
}

TEST_CASE("publishing replaces no device, pipe or folder") {
    const test::TemporaryDirectory folder;
    const fs::path pipe = folder.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    publish(folder.path() / "made.partial", "text");

    CHECK_THROWS_WITH(publish(pipe, "text"), Contains("is no regular file"));
    CHECK_THROWS_WITH(publish_file(folder.path() / "made.partial", pipe),
                      Contains("is no regular file"));

    CHECK(fs::is_fifo(pipe));
}

TEST_CASE("publishing that fails names the path and keeps the old content") {
    const test::TemporaryDirectory folder;
    fs::create_directories(folder.path() / "target" / "is a folder");

    CHECK_THROWS_AS(publish(folder.path() / "target", "x"), SystemError);

    CHECK(fs::is_directory(folder.path() / "target" / "is a folder"));
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a file that is larger than the memory is refused by its name") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "record";
    publish(path, "{}");
    fs::resize_file(path, std::uintmax_t{1} << 42);  // a hole

    CHECK_THROWS_AS(read_text(path), DataError);
    CHECK_THROWS_WITH(read_text(path), Contains("record' has 4398046511104 bytes"));
}

TEST_CASE("a mapped file refuses what lies beyond its end") {
    const test::TemporaryDirectory folder;
    publish(folder.path() / "f", std::string(24, 'x'));
    const MappedFile file(folder.path() / "f");

    CHECK(file.values<double>(8, 2).size() == 2);
    CHECK_THROWS_AS(file.values<double>(8, 3), SystemError);
    CHECK_THROWS_AS(file.values<double>(32, 0), SystemError);
    CHECK_THROWS_AS(file.values<double>(4, 1), DataError);  // not aligned
    CHECK_THROWS_AS(MappedFile(folder.path() / "missing"), SystemError);
}
