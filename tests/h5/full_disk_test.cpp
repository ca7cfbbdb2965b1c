#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/small_disk.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"
#include "h5/free_space.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t rows = 1 << 18;  // 2 MiB of f64

/// An empty dataset that is larger than the disk; its blocks are not there yet.
void create_too_large(const std::filesystem::path& path) {
    const h5::File file = h5::create_file(path);
    const std::uint64_t shape[] = {rows};
    h5::create_dataset(file, "/x", h5::ElementType::f64, shape);
}

}  // namespace

TEST_CASE("a write to a full disk is resumable, not a bug", "[h5]") {
    const test::SmallDisk disk("1m");
    if (!disk.is_mounted()) {
        WARN("skipped: " << disk.problem());
        return;
    }
    create_too_large(disk.path() / "a.h5");
    const std::vector<double> values(rows, 1.0);
    const h5::File file = h5::open_for_values(disk.path() / "a.h5");

    try {
        h5::write_rows<double>(h5::open_dataset(file, "/x"), {0, rows}, values);
        FAIL("2 MiB fitted into 1 MiB");
    } catch (const SystemError& error) {
        CHECK(error.exit_code() == ExitCode::resumable);
        CHECK_THAT(error.what(), Contains("disk is full"));
    }
}

TEST_CASE("a full disk is noticed when the blocks are reserved", "[h5]") {
    const test::SmallDisk disk("1m");
    if (!disk.is_mounted()) {
        WARN("skipped: " << disk.problem());
        return;
    }
    create_too_large(disk.path() / "a.h5");

    CHECK(h5::free_space(disk.path()) <= (1 << 20));
    CHECK_THROWS_AS(h5::reserve_blocks(disk.path() / "a.h5"), SystemError);
    CHECK_THROWS_AS(h5::require_free_space(disk.path() / "b.h5", 2 << 20), SystemError);
}
