#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// The real particles of some events of a batch, one after the other, beams last. Nothing is
/// padded: of an event with n particles there are n rows of particles, n (n - 1) of pairs i != j
/// and n^2 of all pairs.
struct ParticleChunk {
    std::size_t first_event = 0;
    std::vector<std::uint32_t> particles;  ///< [events]
    std::vector<float> mean;               ///< [events] 1 / n; 1 without particles
    std::vector<float> sum;                ///< [events] 1 / N0; count if there are none
    std::vector<std::uint32_t> partners;   ///< [rows of particles] n - 1
    std::vector<float> partner_mean;       ///< [rows of particles] 1 / (n - 1); 1 without partners
    std::vector<float> partner_sum;        ///< [rows of particles] 1 / N0
    std::size_t pairs = 0;
    std::size_t squares = 0;

    std::size_t events() const { return particles.size(); }
    std::size_t rows() const { return partners.size(); }
};

/// Events of a batch [event_size()] for a network that reads particles.
class ParticleEvents {
public:
    explicit ParticleEvents(const Network& network);

    /// Takes the events from `first` on that a chunk has: whole events, at least one, until there
    /// are `wanted` rows of particles, or of pairs where the network looks at pairs.
    void take(Block<const float> events,
              std::size_t count,
              std::size_t first,
              std::size_t wanted,
              ParticleChunk& chunk) const;

    /// \param to  [rows of particles, columns and 1 for beams]
    void columns(Block<const float> events, const ParticleChunk& chunk, Block<float> to) const;

    /// Products of the momenta of all pairs, in double precision. \param to  [squares]
    void products(Block<const float> events, const ParticleChunk& chunk, float* to) const;

private:
    std::size_t inputs_;   ///< features
    std::size_t columns_;  ///< of a particle
    std::size_t slot_;     ///< numbers of a slot
    std::size_t slots_;
    bool pairs_;
    bool beams_;
};

}  // namespace ratiofarm::trainer
