// Needs a GPU; without one the program says so and ctest counts the test as skipped. With
// RATIOFARM_GPU_TESTS_ON=cpu the same cases compare the CPU with itself.

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

#include "engine_cases.hpp"
#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr int skipped = 77;  ///< SKIP_RETURN_CODE of this test

const Device& gpu() {
    static const Device device = [] {
        try {
            const char* other = std::getenv("RATIOFARM_GPU_TESTS_ON");
            const bool cpu = other != nullptr && std::string(other) == "cpu";
            return open_device(cpu ? DeviceChoice::cpu : DeviceChoice::cuda, Log());
        } catch (const ConfigError& error) {
            std::printf("skipped: %s\n", error.what());
            std::exit(skipped);
        }
    }();
    return device;
}

/// Gradient of a batch by a pack of three nets, copied to the CPU.
at::Tensor gradient_on(DeviceKind device,
                       Precision precision,
                       const Network& network = {.kind = NetworkKind::residual_mlp,
                                                 .inputs = 5,
                                                 .hidden = {64, 64, 37}},
                       MakePack& engine = make_written_pack) {
    const c10::InferenceMode no_autograd;
    const auto pack = engine(network, {.nets = 3, .precision = precision}, float_on(device));
    auto generator = at::detail::createCPUGenerator(5);
    const auto drawn = [&](std::vector<std::int64_t> shape) {
        return at::randn(shape, generator, at::TensorOptions(at::kFloat));
    };
    pack->parameters().copy_(drawn({3, pack->parameters().size(1)}) * 0.1);
    pack->parameters_changed();
    const at::Tensor inputs = drawn({3, 100, network.inputs}).to(float_on(device));
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
    CHECK(distance(Precision::tf32) < 5e-3);
    CHECK(distance(Precision::bf16) < 2e-2);
}

TEST_CASE("every kind, activation and engine has the CPU's gradient on a GPU", "[trainer][gpu]") {
    const Network network = test::some_network(test::all_kinds(), test::all_activations());
    const auto check = [&](MakePack& engine) {
        const auto expected = gradient_on(DeviceKind::cpu, Precision::fp32, network, engine);
        const auto gradient = gradient_on(gpu().kind, Precision::fp32, network, engine);
        CHECK(((gradient - expected).norm() / expected.norm()).item<double>() < 1e-5);
    };

    check(make_autograd_pack);
    if (engine_of(network, Engine::automatic) == Engine::written) check(make_written_pack);
}

TEST_CASE("TF32 is used where it is declared, and nowhere else", "[trainer][gpu]") {
    if (gpu().kind == DeviceKind::cpu) return;
    const auto plain = gradient_on(gpu().kind, Precision::fp32);
    const auto tf32 = gradient_on(gpu().kind, Precision::tf32);

    CHECK_FALSE(at::equal(plain, tf32));
    CHECK(at::equal(gradient_on(gpu().kind, Precision::fp32), plain));
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
