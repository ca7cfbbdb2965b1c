#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

/// How the trainer holds an event of a network that reads particles: one row of numbers, the same
/// for all events. Features, multiplicity, then max_particles slots, real particles first, by
/// descending pT; the others are zero:
///     1, columns [c], E, px, py, pz, rest of E     the momentum only where reads_momenta()
/// An event of another network is the row of its features and, with network.gram, of psi(p_i .
/// p_j), psi(x) = sign(x) ln(1 + |x|), of the pairs i < j of its leading particles, by descending
/// pT: (1, 2), (1, 3), (2, 3) and so on to the last one; 0 for particles that are not there.
namespace ratiofarm {

/// E as two floats and px, py, pz.
inline constexpr std::uint64_t momentum_numbers = 5;

/// Numbers of one slot.
inline std::uint64_t slot_size(const Network& network) {
    return 1 + network.particles.size() + (reads_momenta(network.kind) ? momentum_numbers : 0);
}

/// Numbers of the row of an event.
inline std::uint64_t event_size(const Network& network) {
    if (!reads_particles(network.kind)) return scaled_inputs(network);
    return network.inputs + 1 + network.max_particles * slot_size(network);
}

/// Bytes of what passes over particle lists keep at a time: more events are done in parts.
inline constexpr double most_pass_bytes = 512e6;

/// Bytes that a pass over some events needs beside those of layers without particles; those of one
/// event at least.
inline double pass_bytes(const Network& network, std::uint64_t events) {
    if (!reads_particles(network.kind)) return 0.0;
    const double one = 4.0 * pass_numbers(network);
    return std::max(one, std::min(one * static_cast<double>(events), most_pass_bytes));
}

/// A shift or scale [scaled_inputs()] for each number of the row of an event. \param neutral  of
/// what is not scaled: 0 of a shift, 1 of a scale
std::vector<float> for_event(const Network& network, std::span<const float> values, float neutral);

/// What is computed of a particle beside the columns of the file. A column of the file with the
/// same name goes first.
enum class ParticleQuantity : std::uint8_t {
    log_pt,
    log_energy,
    eta,
    phi,
    log_pt_rel,  ///< of pT / sum of pT of the event
    deta,        ///< to the axis of the sum of all momenta
    dphi,        ///< likewise, in (-pi, pi]
    mass,
};
template <>
inline constexpr auto enum_words<ParticleQuantity> =
    words("log_pt", "log_E", "eta", "phi", "log_pt_rel", "deta", "dphi", "mass");

/// "type_11" is 1 for particles whose type is 11 or -11, "type_other" for those of no type that the
/// network names.
inline constexpr std::string_view type_prefix = "type_";
inline constexpr std::string_view other_type = "type_other";

/// The number of "type_11".
std::optional<std::uint64_t> type_of_column(std::string_view column);

/// Names of the first columns of particles that have momenta.
inline constexpr std::array<std::string_view, 4> momentum_columns{"E", "px", "py", "pz"};

inline bool has_momenta(std::span<const std::string> columns) {
    return columns.size() >= momentum_columns.size() &&
           std::equal(momentum_columns.begin(), momentum_columns.end(), columns.begin());
}

/// Why a network cannot read particles with these columns; empty if it can.
/// \param has_types  whether the particles have types
std::string particle_problem(const Network& network,
                             std::span<const std::string> columns,
                             bool has_types);

}  // namespace ratiofarm
