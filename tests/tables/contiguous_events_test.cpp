#include <algorithm>
#include <chrono>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const std::vector<SampleToRead> only_s{{"S", {}}};

/// Sample S of 1000 events like example_sample(), in a layout that cannot be mapped: compressed
/// features in double precision, signed ids.
constexpr const char* write_foreign = R"(
import sys, h5py, numpy as np
n = 1000
row = np.arange(n)
with h5py.File(sys.argv[1], "w") as f:
    f.attrs["format"] = "ratiofarm-events"
    f.attrs["version"] = 1
    s = f.create_group("S")
    x = s.create_dataset("features", data=np.stack([row, -0.5 * row], axis=1).astype("f8"),
                         compression="gzip", chunks=(100, 2))
    x.attrs["columns"] = ["mass", "pt"]
    s.create_dataset("weight", data=1.0 + 0.5 * np.sin(row), chunks=(64,))
    s.create_dataset("id", data=row.astype("i4"))
)";

}  // namespace

TEST_CASE("events in our own layout are used where they are", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = test::example_sample("S", 1000);
    write_events(folder / "events.h5", std::span(&sample, 1));

    CHECK(contiguous_events(folder / "events.h5", only_s, folder.path()) == folder / "events.h5");
}

TEST_CASE("events in a foreign layout are checked in place and mapped from a copy", "[tables]") {
    const test::TemporaryDirectory folder;
    if (!test::run_python(write_foreign, (folder / "events.h5").string())) return;
    const EventSample expected = test::example_sample("S", 1000);

    const auto foreign = read_sample_info(folder / "events.h5", only_s, {}, Split{}).front();
    const auto path = contiguous_events(folder / "events.h5", only_s, folder.path());
    const auto copied = read_sample_info(path, only_s, {}, Split{}).front();
    const MappedSample mapped(copied);

    CHECK(path != folder / "events.h5");
    CHECK(foreign.digest == copied.digest);
    CHECK_THROWS_AS(MappedSample(foreign), Error);
    CHECK(std::ranges::equal(mapped.features(), expected.features));
    CHECK(std::ranges::equal(mapped.id(), expected.id));
    for (std::size_t row = 0; row < 1000; ++row) {
        CHECK(mapped.weight()[row] == Approx(expected.weight[row]).epsilon(1e-15));
    }
}

TEST_CASE("a copy is made once, and again when its original changes", "[tables]") {
    const test::TemporaryDirectory folder;
    if (!test::run_python(write_foreign, (folder / "events.h5").string())) return;
    const auto copy = contiguous_events(folder / "events.h5", only_s, folder.path());
    const auto made = std::filesystem::last_write_time(copy);

    contiguous_events(folder / "events.h5", only_s, folder.path());
    CHECK(std::filesystem::last_write_time(copy) == made);

    std::filesystem::last_write_time(folder / "events.h5", made + std::chrono::hours(1));
    contiguous_events(folder / "events.h5", only_s, folder.path());
    CHECK(std::filesystem::last_write_time(copy) != made);
}

TEST_CASE("a truncated events file is refused", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = test::example_sample("S", 1000);
    write_events(folder / "events.h5", std::span(&sample, 1));
    std::filesystem::resize_file(folder / "events.h5",
                                 std::filesystem::file_size(folder / "events.h5") / 2);

    CHECK_THROWS_WITH(read_sample_info(folder / "events.h5", only_s, {}, Split{}),
                      Contains("events.h5") && Contains("is truncated"));
}
