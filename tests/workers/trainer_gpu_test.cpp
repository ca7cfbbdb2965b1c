// Needs a GPU; without one the program says so and ctest counts the test as skipped.

#include <cstdio>
#include <cstdlib>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm_test/catch.hpp"

#include "device.hpp"
#include "self_test.hpp"
#include "trainer_toy.hpp"
#include "training.hpp"

namespace ratiofarm {
namespace {

constexpr int skipped = 77;  ///< SKIP_RETURN_CODE of this test

const Device& gpu() {
    static const Device device = [] {
        try {
            return open_device(DeviceChoice::cuda, Log());
        } catch (const ConfigError& error) {
            std::printf("skipped: %s\n", error.what());
            std::exit(skipped);
        }
    }();
    return device;
}

TEST_CASE("a GPU learns the ratio of two Gaussians", "[trainer][gpu]") {
    CHECK(run_self_test(gpu(), Log()));
}

TEST_CASE("a training stopped on a GPU ends with the bits of the straight one", "[trainer][gpu]") {
    const test::TemporaryDirectory folder;
    const TrainRequest request = test::toy_request(folder);
    test::ScriptedControl straight;
    train(request, gpu().kind, straight, Log());
    const auto expected = read_file(request.result_path);

    test::ScriptedControl stopping(
        [](std::uint64_t now) { return now == 13 ? Command::stop : Command::go_on; });
    REQUIRE(train(request, gpu().kind, stopping, Log()).end == TaskEnd::stopped);
    train(request, gpu().kind, straight, Log());

    CHECK(read_file(request.result_path) == expected);
}

}  // namespace
}  // namespace ratiofarm
