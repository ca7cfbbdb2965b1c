// How close a training step comes to the matrix product of this machine.
// usage: trainer_bench [threads]. Prints only; minimum and median over interleaved repetitions.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "ratiofarm/core/philox.hpp"

#include "cross_entropy.hpp"
#include "device.hpp"
#include "flat_optimizer.hpp"
#include "initial_row.hpp"
#include "net_pack.hpp"
#include "table_tensor.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint32_t batch_size = 1024;
constexpr std::uint32_t inputs = 16;

double seconds(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

EventTable random_table(std::uint64_t events) {
    EventTable table{.events = events, .columns = inputs + 2, .values = {}};
    PhiloxSequence random(1);
    for (std::uint64_t event = 0; event < events; ++event) {
        for (std::uint32_t input = 0; input < inputs; ++input) {
            table.values.push_back(static_cast<float>(random.normal()));
        }
        table.values.push_back(event % 2 == 0 ? 1.0F : 0.0F);
        table.values.push_back(1.0F);
    }
    return table;
}

/// One training step, cut into its phases.
class Step {
public:
    Step(const Network& network, const EventTable& table)
        : table_(table, batch_size, DeviceKind::cpu),
          pack_(make_net_pack(
              network, {.nets = 1, .capacity = batch_size}, float_on(DeviceKind::cpu))),
          optimizer_(options_, pack_->parameters()),
          loss_(1, batch_size, float_on(DeviceKind::cpu)) {
        const std::vector<float> ones(network.inputs, 1.0F);
        const auto row = initial_row(network, 1, ones, ones);
        copy_to(pack_->parameters()[0], std::span(row).subspan(2 * network.inputs));
        table_.shuffle(1, 0);
    }

    void gather() {
        const Batch batch = table_.batch(index_++ % 32);
        features_ = batch.features->unsqueeze(0);
        positive_ = batch.labels->unsqueeze(0);
        total_ = batch.weights->unsqueeze(0);
    }
    void forward() { logits_ = &pack_->forward(features_); }
    void backward() {
        loss_.add(*logits_, positive_, total_);
        pack_->backward(features_, loss_.gradient(*logits_, positive_, total_));
    }
    void optimize() {
        optimizer_.step(pack_->gradient(), std::array{1e-4});
        pack_->parameters_changed();
    }

private:
    TrainingOptions options_;
    ShuffledTable table_;
    std::unique_ptr<NetPack> pack_;
    FlatOptimizer optimizer_;
    CrossEntropy loss_;
    at::Tensor features_, positive_, total_;
    const at::Tensor* logits_ = nullptr;
    std::uint64_t index_ = 0;
};

struct Timing {
    double minimum;
    double median;
};

Timing summary(std::vector<double> times) {
    std::ranges::sort(times);
    return {times.front(), times[times.size() / 2]};
}

void measure(const std::string& name, std::uint32_t layers, std::uint32_t width) {
    const Network network{.inputs = inputs,
                          .hidden = std::vector<std::uint32_t>(layers, width),
                          .activation = Activation::silu};
    const EventTable table = random_table(32 * batch_size);
    Step step(network, table);
    const auto a = at::ones({batch_size, width});
    const auto b = at::ones({width, width});
    auto c = at::zeros({batch_size, width});

    std::vector<double> gemm, gather, forward, backward, optimizer, total;
    const int repetitions = width <= 64 ? 500 : 100;
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        gemm.push_back(seconds([&] { at::mm_out(c, a, b); }));
        gather.push_back(seconds([&] { step.gather(); }));
        forward.push_back(seconds([&] { step.forward(); }));
        backward.push_back(seconds([&] { step.backward(); }));
        optimizer.push_back(seconds([&] { step.optimize(); }));
        total.push_back(gather.back() + forward.back() + backward.back() + optimizer.back());
    }

    const double gemm_rate = 2e-9 * batch_size * width * width / summary(gemm).minimum;
    const double flop = 3.0 * forward_flop(network) * batch_size;
    const auto report = [&](const char* which, double time) {
        std::printf("%-8s %-7s %8.1f us/step %6.2f M events/s %6.1f GF/s = %3.0f %% of mm %.1f\n",
                    name.c_str(), which, 1e6 * time, 1e-6 * batch_size / time, 1e-9 * flop / time,
                    1e-7 * flop / time / gemm_rate, gemm_rate);
    };
    report("minimum", summary(total).minimum);
    report("median", summary(total).median);
    std::printf("%-8s gather %.1f, forward %.1f, loss and backward %.1f, optimizer %.1f us\n",
                name.c_str(), 1e6 * summary(gather).minimum, 1e6 * summary(forward).minimum,
                1e6 * summary(backward).minimum, 1e6 * summary(optimizer).minimum);
}

}  // namespace
}  // namespace ratiofarm

int main(int argc, char* argv[]) {
    using namespace ratiofarm;
    open_device(DeviceChoice::cpu, Log());
    const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
    set_threads(static_cast<std::uint32_t>(std::max(1, threads)));
    const c10::InferenceMode no_autograd;
    std::printf("%d thread(s), fp32, NAdam, batch %u, %u inputs\n", threads, batch_size, inputs);
    measure("3x64", 3, 64);
    measure("3x128", 3, 128);
    measure("4x256", 4, 256);
    return 0;
}
