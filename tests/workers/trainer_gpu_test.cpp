// Needs a GPU; without one the program says so and ctest counts the test as skipped.

#include <cstdio>
#include <cstdlib>

#include <ATen/ATen.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "protocol/task_file.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/engine/net_pack_engines.hpp"
#include "workers/trainer/engine/recorded_work.hpp"
#include "workers/trainer/tasks/self_test.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
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

/// Gradient of a batch by a pack of three nets, on the CPU.
at::Tensor gradient_on(DeviceKind device, Precision precision) {
    const c10::InferenceMode no_autograd;
    const Network network{.kind = NetworkKind::residual_mlp, .inputs = 5, .hidden = {64, 64, 37}};
    const auto pack =
        make_written_pack(network, {.nets = 3, .precision = precision}, float_on(device));
    auto generator = at::detail::createCPUGenerator(5);
    const auto drawn = [&](std::vector<std::int64_t> shape) {
        return at::randn(shape, generator, at::TensorOptions(at::kFloat));
    };
    pack->parameters().copy_(drawn({3, pack->parameters().size(1)}) * 0.1);
    pack->parameters_changed();
    const at::Tensor inputs = drawn({3, 100, 5}).to(float_on(device));
    pack->forward(inputs);
    pack->backward(inputs, drawn({3, 100}).to(float_on(device)));
    return pack->gradient().cpu();
}

TEST_CASE("a GPU's gradient is the CPU's", "[trainer][gpu]") {
    const auto device = gpu().kind;
    const at::Tensor expected = gradient_on(DeviceKind::cpu, Precision::fp32);
    const auto distance = [&](Precision precision) {
        return ((gradient_on(device, precision) - expected).norm() / expected.norm())
            .item<double>();
    };

    CHECK(distance(Precision::fp32) < 1e-5);
    CHECK(distance(Precision::bf16) < 2e-2);
}

TEST_CASE("recorded work is done each time, and other work in between", "[trainer][gpu]") {
    const c10::InferenceMode no_autograd;
    const at::Tensor sum = at::zeros({7}, float_on(gpu().kind));
    const at::Tensor change = at::ones({7}, float_on(gpu().kind));
    RecordedWork recorded(gpu().kind);
    const WorkInput input{change.const_data_ptr(), 7};

    for (int k = 0; k < 10; ++k) {
        change.fill_(k);
        recorded.run(input, [&] { sum.add_(change); });
        recorded.run({change.const_data_ptr(), 3}, [&] { sum.narrow(0, 0, 3).add_(100); });
    }

    CHECK(sum[6].item<float>() == 45.0F);
    CHECK(sum[0].item<float>() == 1045.0F);
}

TEST_CASE("a GPU learns the ratio of two Gaussians", "[trainer][gpu]") {
    CHECK(run_self_test(gpu(), Log()));
}

TEST_CASE("a training stopped on a GPU ends with the bits of the straight one", "[trainer][gpu]") {
    const test::TemporaryDirectory folder;
    const TrainRequest request = test::gaussian_request(folder);
    test::ScriptedControl straight;
    train(request, gpu().kind, straight, Log());
    const auto expected = read_file(request.result_path);

    test::ScriptedControl stopping(
        [](std::uint64_t now) { return now == 13 ? TaskOrder::stop : TaskOrder::go_on; });
    REQUIRE(train(request, gpu().kind, stopping, Log()).end == TaskEnd::stopped);
    train(request, gpu().kind, straight, Log());

    const bool same = read_file(request.result_path) == expected;
    CHECK(same);
}

}  // namespace
}  // namespace ratiofarm::trainer
