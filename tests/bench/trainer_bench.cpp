// How close a training step comes to the matrix product of this machine, and what keeps it from it.
// usage: trainer_bench [threads=1] [networks=3x64,3x128,3x256,4x256,7x1500] [batches=1024]
//                      [precisions=fp32,bf16] [seconds=3] [format=text|json]
// Prints only. Parts of a step are measured in turn; least and median over the repetitions.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "ratiofarm/core/log.hpp"

#include "workers/trainer/engine/cpu_product.hpp"
#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/engine/flat_optimizer.hpp"
#include "workers/trainer/engine/net_pack.hpp"

#include "bench_arguments.hpp"

namespace ratiofarm::trainer {
namespace {

using bench::seconds_of;
using bench::timing_of;

constexpr std::uint32_t inputs = 16;

struct Case {
    std::uint32_t layers = 0;
    std::uint32_t width = 0;
    std::int64_t batch = 0;
    Precision precision = Precision::fp32;

    Network network() const {
        return {.inputs = inputs, .hidden = std::vector<std::uint32_t>(layers, width)};
    }
    std::string name() const {
        return std::to_string(layers) + "x" + std::to_string(width) +
               " B=" + std::to_string(batch) + (precision == Precision::bf16 ? " bf16" : " fp32");
    }
};

/// The matrix products of one step and nothing else, on memory of their own.
template <class T>
class Products {
public:
    explicit Products(const Case& of) : case_(of) {
        const auto type = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
        const std::int64_t stride = (of.width + 31) / 32 * 32;
        for (std::uint32_t layer = 0; layer < of.layers; ++layer) {
            activations_.push_back(at::randn({of.batch, stride}).to(type));
            weights_.push_back(at::randn({std::int64_t{of.width}, stride}).to(type));
            products_.push_back(at::zeros({of.batch, stride}));
        }
        gradient_ = at::zeros({std::int64_t{of.width}, stride});
    }

    void step() {
        for (std::uint32_t layer = 0; layer < case_.layers; ++layer) {
            const std::int64_t below = layer == 0 ? inputs : case_.width;
            product({case_.batch, case_.width, below}, matrix(activations_[layer], false),
                    matrix(weights_[layer], true), block(products_[layer]));
        }
        for (std::uint32_t layer = case_.layers; layer-- > 0;) {
            const std::int64_t below = layer == 0 ? inputs : case_.width;
            product({case_.width, below, case_.batch}, matrix(activations_[layer], true),
                    matrix(activations_[layer], false), block(gradient_));
            if (layer == 0) continue;
            product({case_.batch, below, case_.width}, matrix(activations_[layer], false),
                    matrix(weights_[layer], false), block(products_[layer]));
        }
    }

private:
    static Matrix<T> matrix(const at::Tensor& memory, bool transposed) {
        return {static_cast<const T*>(memory.const_data_ptr()), memory.stride(0), transposed};
    }
    static Block<float> block(at::Tensor& memory) {
        return {memory.mutable_data_ptr<float>(), static_cast<std::size_t>(memory.stride(0))};
    }

    Case case_;
    std::vector<at::Tensor> activations_;
    std::vector<at::Tensor> weights_;
    std::vector<at::Tensor> products_;
    at::Tensor gradient_;
};

/// One training step, cut into its parts.
class Step {
public:
    explicit Step(const Case& of)
        : pack_(make_net_pack(of.network(),
                              {.nets = 1, .capacity = of.batch, .precision = of.precision},
                              float_on(DeviceKind::cpu))),
          optimizer_({.optimizer = Optimizer::adam}, pack_->parameters()),
          loss_(1, of.batch, float_on(DeviceKind::cpu)),
          features_(at::randn({1, of.batch, std::int64_t{inputs}})),
          positive_(at::rand({1, of.batch})),
          total_(at::ones({1, of.batch})) {
        pack_->parameters().normal_(0.0, 0.5 / std::sqrt(of.width));
        pack_->parameters_changed();
    }

    void pass() {
        const at::Tensor& logits = pack_->forward(features_);
        loss_.add(logits, positive_, total_);
        pack_->backward(features_, loss_.gradient(logits, positive_, total_));
    }
    void optimize() {
        optimizer_.step(pack_->gradient(), std::array{1e-4});
        pack_->parameters_changed();
    }

private:
    std::unique_ptr<NetPack> pack_;
    FlatOptimizer optimizer_;
    CrossEntropy loss_;
    at::Tensor features_, positive_, total_;
};

struct Times {
    std::vector<double> machine;   ///< one product [1024, 1500] [1500, 1500]
    std::vector<double> products;  ///< of a step
    std::vector<double> pass;      ///< forward, loss, backward
    std::vector<double> optimizer;
    std::vector<double> step;
};

constexpr double machine_flop = 2.0 * 1024 * 1500 * 1500;

template <class T>
Times measure(const Case& of, double seconds) {
    Products<T> products(of);
    Step step(of);
    // Rows at multiples of 64 bytes, as a step has them.
    const auto type = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
    const at::Tensor square = at::randn({1500, 1504}).to(type);
    const at::Tensor tall = at::randn({1024, 1504}).to(type);
    const at::Tensor result = at::zeros({1024, 1504});
    const auto one_product = [&] {
        product({1024, 1500, 1500}, {static_cast<const T*>(tall.const_data_ptr()), 1504, false},
                Matrix<T>{static_cast<const T*>(square.const_data_ptr()), 1504, true},
                {result.mutable_data_ptr<float>(), 1504});
    };
    Times times;
    one_product();
    products.step();
    step.pass();
    step.optimize();
    double spent = 0.0;
    while (spent < seconds || times.step.size() < 5) {
        for (int k = 0; k < 4 && times.step.size() % 16 == 0; ++k) {
            times.machine.push_back(seconds_of(one_product));
        }
        times.products.push_back(seconds_of([&] { products.step(); }));
        times.pass.push_back(seconds_of([&] { step.pass(); }));
        times.optimizer.push_back(seconds_of([&] { step.optimize(); }));
        times.step.push_back(times.pass.back() + times.optimizer.back());
        spent += times.products.back() + times.step.back();
    }
    return times;
}

void report(const Case& of, const Times& times, bool json) {
    const double parameters = static_cast<double>(trainable_size(of.network()));
    const double flop = 6.0 * parameters * static_cast<double>(of.batch);
    const double step = timing_of(times.step).least;
    const double products = timing_of(times.products).least;
    const double optimizer = timing_of(times.optimizer).least;
    const double other = std::max(0.0, timing_of(times.pass).least - products);
    const double machine = machine_flop / timing_of(times.machine).least;
    const double rate = flop / step;
    const double share = flop / (step - optimizer) / machine;
    if (json) {
        std::printf(
            "{\"case\": \"%s\", \"step\": %.6g, \"median\": %.6g, \"products\": %.6g, "
            "\"elementwise\": %.6g, \"optimizer\": %.6g, \"rate\": %.6g, \"machine_rate\": %.6g, "
            "\"share_without_optimizer\": %.4g, \"optimizer_bytes_per_second\": %.4g}\n",
            of.name().c_str(), step, timing_of(times.step).median, products, other, optimizer, rate,
            machine, share, 28.0 * parameters / optimizer);
        return;
    }
    std::printf(
        "%-18s %9.0f us (median %9.0f): products %2.0f %%, elementwise %2.0f %%, optimizer %2.0f %%"
        " (%4.1f GB/s)  %5.0f GF/s = %3.0f %% of a product's %.0f, %3.0f %% without optimizer\n",
        of.name().c_str(), 1e6 * step, 1e6 * timing_of(times.step).median, 100 * products / step,
        100 * other / step, 100 * optimizer / step, 28e-9 * parameters / optimizer, 1e-9 * rate,
        100 * rate / machine, 1e-9 * machine, 100 * share);
}

std::vector<std::string> words(const std::string& list) {
    std::vector<std::string> all;
    std::istringstream stream(list);
    for (std::string word; std::getline(stream, word, ',');) all.push_back(word);
    return all;
}

void run(const bench::Arguments& arguments) {
    const bool json = arguments.text("format") == "json";
    for (const auto& network : words(arguments.text("networks"))) {
        for (const auto& batch : words(arguments.text("batches"))) {
            for (const auto& precision : words(arguments.text("precisions"))) {
                Case of{.batch = std::stol(batch)};
                if (std::sscanf(network.c_str(), "%ux%u", &of.layers, &of.width) != 2) {
                    throw std::invalid_argument("networks: '" + network + "' is not like 3x64");
                }
                of.precision = precision == "bf16" ? Precision::bf16 : Precision::fp32;
                const double seconds = std::stod(arguments.text("seconds"));
                report(of,
                       of.precision == Precision::bf16 ? measure<Bf16>(of, seconds)
                                                       : measure<float>(of, seconds),
                       json);
            }
        }
    }
}

}  // namespace
}  // namespace ratiofarm::trainer

int main(int argc, char* argv[]) {
    using namespace ratiofarm;
    using namespace ratiofarm::trainer;
    const bench::Arguments arguments(argc, argv, 1,
                                     {{"threads", "1"},
                                      {"networks", "3x64,3x128,3x256,4x256,7x1500"},
                                      {"batches", "1024"},
                                      {"precisions", "fp32,bf16"},
                                      {"seconds", "3"},
                                      {"format", "text"}});
    open_device(DeviceChoice::cpu, Log());
    set_threads(static_cast<std::uint32_t>(arguments.count("threads")));
    const c10::InferenceMode no_autograd;
    run(arguments);
    return 0;
}
