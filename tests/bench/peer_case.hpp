#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::bench {

/// A share of the nets of a case.
struct NetShare {
    std::size_t first = 0;
    std::size_t count = 0;
};

/// The files of peers/training_problem.py.
struct PeerCase {
    Network network;
    std::uint32_t batch = 0;
    double rate = 0.0;
    std::vector<float> training;           ///< [events, event_size() + 1], the label last
    std::vector<float> validation;         ///< as many columns
    std::vector<std::vector<float>> nets;  ///< first weights and biases of each net of the share
    std::filesystem::path folder;

    std::uint64_t columns() const;
};

PeerCase read_case(const std::filesystem::path& folder, NetShare share);

/// How ours works: "fp32", "tf32", "bf16": net after net; "pack fp32" and so on: all nets in step;
/// "autograd fp32": the oracle.
struct Variant {
    bool packed = false;
    Precision precision = Precision::fp32;
    Engine engine = Engine::automatic;
    std::uint32_t threads = 1;
    trainer::DeviceKind device = trainer::DeviceKind::cpu;
};

/// \throws ConfigError for an unknown name
Variant variant_named(const std::string& name, std::uint32_t threads);

}  // namespace ratiofarm::bench
