// Our part of ./run bench train: the trainer's own loop and evaluation behind the orders of
// peers/peer_process.py. usage: train_peer_bench THREADS [cpu|cuda]

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/log.hpp"
#include "ratiofarm/core/mapped_file.hpp"

#include "workers/trainer/engine/device.hpp"

#include "bench_arguments.hpp"
#include "ensemble_evaluation.hpp"
#include "peer_case.hpp"
#include "peer_training.hpp"

namespace ratiofarm::bench {

using namespace trainer;
namespace {

using nlohmann::json;

/// A GPU is asked for its last result.
json timed(trainer::DeviceKind device, const std::function<void()>& action) {
    const double processor = processor_seconds();
    const double seconds = seconds_of([&] {
        action();
        if (device == trainer::DeviceKind::cuda) at::zeros({1}, float_on(device)).item<float>();
    });
    return {{"seconds", seconds}, {"processor", processor_seconds() - processor}};
}

/// What was opened under a key.
struct Opened {
    std::unique_ptr<PeerTraining> training;
    std::unique_ptr<EnsembleEvaluation> evaluation;
};

Opened open(const json& order, const Variant& on) {
    const PeerCase problem = read_case(order.at("folder").get<std::string>(),
                                       {.first = order.at("first").get<std::size_t>(),
                                        .count = order.at("count").get<std::size_t>()});
    Variant variant = variant_named(order.at("variant").get<std::string>(), on.threads);
    variant.device = on.device;
    if (order.value("purpose", "train") == "train") {
        return {std::make_unique<PeerTraining>(problem, variant), nullptr};
    }
    return {nullptr, std::make_unique<EnsembleEvaluation>(problem, variant)};
}

json evaluate(EnsembleEvaluation& evaluation, const json& order, trainer::DeviceKind device) {
    RatioBlock block;
    json answer = timed(device, [&] {
        block = evaluation.run(order.at("first").get<std::uint64_t>(),
                               order.at("count").get<std::uint64_t>());
    });
    const std::size_t shown = std::min<std::size_t>(64, block.log_ratio.size());
    block.log_ratio.resize(shown);
    block.spread.resize(shown);
    answer["mean"] = block.log_ratio;
    answer["spread"] = block.spread;
    return answer;
}

void serve(const Variant& on) {
    std::map<std::string, Opened> opened;
    for (std::string line; std::getline(std::cin, line);) {
        const json order = json::parse(line);
        const std::string what = order.at("do");
        const std::string key = order.at("key");
        json answer = json::object();
        if (what == "open") {
            opened[key] = open(order, on);
        } else if (what == "run") {
            auto& training = *opened.at(key).training;
            answer =
                timed(on.device, [&] { training.run(order.at("steps").get<std::uint64_t>()); });
        } else if (what == "loss") {
            answer = {{"loss", opened.at(key).training->validation_loss()}};
        } else if (what == "evaluate") {
            answer = evaluate(*opened.at(key).evaluation, order, on.device);
        } else {
            opened.erase(key);
        }
        std::cout << answer.dump() << std::endl;
    }
}

}  // namespace
}  // namespace ratiofarm::bench

int main(int argc, char* argv[]) {
    try {
        using namespace ratiofarm::trainer;
        const auto threads = static_cast<std::uint32_t>(argc > 1 ? std::stoi(argv[1]) : 1);
        const bool cuda = argc > 2 && std::string(argv[2]) == "cuda";
        const Device device =
            open_device(cuda ? DeviceChoice::cuda : DeviceChoice::cpu, ratiofarm::Log());
        set_threads(threads);
        const c10::InferenceMode no_autograd;
        ratiofarm::bench::serve({.threads = threads, .device = device.kind});
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "train_peer_bench: %s\n", error.what());
        return 1;
    }
}
