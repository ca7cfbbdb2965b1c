#include "particle_row.hpp"

#include <charconv>

#include "ratiofarm/core/contracts.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

std::vector<float> for_event(const Network& network, std::span<const float> values, float neutral) {
    RATIOFARM_EXPECT(values.size() == scaled_inputs(network));
    std::vector<float> row(values.begin(), values.end());
    if (!reads_particles(network.kind)) return row;
    const auto first = row.begin() + network.inputs + 1;
    std::vector<float> slot{neutral};
    slot.insert(slot.end(), first, first + std::ssize(network.particles));
    if (reads_momenta(network.kind)) slot.insert(slot.end(), momentum_numbers, values.back());
    row.resize(network.inputs + 1);
    for (std::uint32_t i = 0; i < network.max_particles; ++i) {
        row.insert(row.end(), slot.begin(), slot.end());
    }
    return row;
}

std::optional<std::uint64_t> type_of_column(std::string_view column) {
    if (!column.starts_with(type_prefix)) return std::nullopt;
    column.remove_prefix(type_prefix.size());
    std::uint64_t type = 0;
    const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), type);
    if (error != std::errc() || end != column.data() + column.size()) return std::nullopt;
    return type;
}

std::string particle_problem(const Network& network,
                             std::span<const std::string> columns,
                             bool has_types) {
    const bool momenta = has_momenta(columns);
    const std::string need = "the first columns of the particles must be E, px, py and pz";
    if (reads_momenta(network.kind) && !momenta) {
        return "network.kind = \"" + word_of(network.kind) + "\" reads momenta: " + need;
    }
    if (network.gram > 0 && !momenta) return "network.gram multiplies momenta: " + need;
    for (const std::string& name : network.particles) {
        if (std::ranges::find(columns, name) != columns.end()) continue;
        if (enumerator_of<ParticleQuantity>(name)) {
            if (momenta) continue;
            return "network.particles: '" + name + "' is computed from momenta: " + need;
        }
        if (type_of_column(name) || name == other_type) {
            if (has_types) continue;
            return "network.particles: '" + name +
                   "' needs the dataset particle_type, which is not there";
        }
        std::vector<std::string> known(columns.begin(), columns.end());
        for (const std::string& word : words_of<ParticleQuantity>()) known.push_back(word);
        return "network.particles: there is no column '" + name + "'" + did_you_mean(name, known) +
               " (computed are log_pt, log_E, eta, phi, log_pt_rel, deta, dphi, mass, "
               "type_<number> and type_other)";
    }
    return {};
}

}  // namespace ratiofarm
