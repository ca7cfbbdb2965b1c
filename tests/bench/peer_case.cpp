#include "peer_case.hpp"

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"

#include "core/publish.hpp"
#include "protocol/particle_row.hpp"

namespace ratiofarm::bench {

namespace {

std::vector<float> read_floats(const std::filesystem::path& path) {
    const MappedFile file(path);
    const auto values = file.values<float>(0, file.bytes().size() / sizeof(float));
    return {values.begin(), values.end()};
}

/// What kinds that read particle lists are made of; nothing of other cases.
void read_particle_network(const nlohmann::json& text, Network& network) {
    const auto kind = enumerator_of<NetworkKind>(text.value("kind", std::string("mlp")));
    network.kind = kind.value();
    if (!reads_particles(network.kind)) return;
    network.max_particles = text.at("slots");
    network.width = text.at("width");
    network.blocks = text.at("blocks");
    network.heads = text.at("heads");
    network.particles.resize(text.at("columns").get<std::size_t>(), "column");
}

}  // namespace

std::uint64_t PeerCase::columns() const { return event_size(network) + 1; }

PeerCase read_case(const std::filesystem::path& folder, NetShare share) {
    const auto text = nlohmann::json::parse(read_text(folder / "case.json"));
    PeerCase problem;
    problem.folder = folder;
    problem.network.inputs = text.at("inputs");
    problem.network.hidden = text.at("hidden").get<std::vector<std::uint32_t>>();
    problem.network.activation = Activation::silu;
    read_particle_network(text, problem.network);
    problem.batch = text.at("batch");
    problem.rate = text.at("rate");
    problem.training = read_floats(folder / "training.f32");
    problem.validation = read_floats(folder / "validation.f32");
    const auto rows = read_floats(folder / "rows.f32");
    const auto size = static_cast<std::ptrdiff_t>(trainable_size(problem.network));
    for (std::size_t net = share.first; net < share.first + share.count; ++net) {
        const auto row = rows.begin() + static_cast<std::ptrdiff_t>(net) * size;
        problem.nets.emplace_back(row, row + size);
    }
    return problem;
}

Variant variant_named(const std::string& name, std::uint32_t threads) {
    Variant variant{.threads = threads};
    variant.packed = name.starts_with("pack ");
    if (name.starts_with("autograd ")) variant.engine = Engine::autograd;
    const std::string precision = name.substr(name.rfind(' ') + 1);
    if (precision == "bf16") {
        variant.precision = Precision::bf16;
    } else if (precision == "tf32") {
        variant.precision = Precision::tf32;
    } else if (precision != "fp32") {
        throw ConfigError("variant '" + name + "': must end with fp32, tf32 or bf16");
    }
    return variant;
}

}  // namespace ratiofarm::bench
