// Our part of ./run bench train: the trainer's own loop and evaluation behind the orders of
// peers/peer_process.py. usage: train_peer_bench THREADS

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

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

json timed(const std::function<void()>& action) {
    const double processor = processor_seconds();
    const double seconds = seconds_of(action);
    return {{"seconds", seconds}, {"processor", processor_seconds() - processor}};
}

/// What was opened under a key.
struct Opened {
    std::unique_ptr<PeerTraining> training;
    std::unique_ptr<EnsembleEvaluation> evaluation;
};

Opened open(const json& order, std::uint32_t threads) {
    const PeerCase problem = read_case(order.at("folder").get<std::string>(),
                                       {.first = order.at("first").get<std::size_t>(),
                                        .count = order.at("count").get<std::size_t>()});
    const Variant variant = variant_named(order.at("variant").get<std::string>(), threads);
    if (order.value("purpose", "train") == "train") {
        return {std::make_unique<PeerTraining>(problem, variant), nullptr};
    }
    return {nullptr, std::make_unique<EnsembleEvaluation>(problem, variant)};
}

json evaluate(EnsembleEvaluation& evaluation, const json& order) {
    RatioBlock block;
    json answer = timed([&] {
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

void serve(std::uint32_t threads) {
    std::map<std::string, Opened> opened;
    for (std::string line; std::getline(std::cin, line);) {
        const json order = json::parse(line);
        const std::string what = order.at("do");
        const std::string key = order.at("key");
        json answer = json::object();
        if (what == "open") {
            opened[key] = open(order, threads);
        } else if (what == "run") {
            auto& training = *opened.at(key).training;
            answer = timed([&] { training.run(order.at("steps").get<std::uint64_t>()); });
        } else if (what == "loss") {
            answer = {{"loss", opened.at(key).training->validation_loss()}};
        } else if (what == "evaluate") {
            answer = evaluate(*opened.at(key).evaluation, order);
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
        const int threads = argc > 1 ? std::stoi(argv[1]) : 1;
        ratiofarm::trainer::open_device(ratiofarm::trainer::DeviceChoice::cpu, ratiofarm::Log());
        ratiofarm::trainer::set_threads(static_cast<std::uint32_t>(threads));
        const c10::InferenceMode no_autograd;
        ratiofarm::bench::serve(static_cast<std::uint32_t>(threads));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "train_peer_bench: %s\n", error.what());
        return 1;
    }
}
