#include "particle_chunk.hpp"

#include <algorithm>
#include <array>

#include "protocol/particle_row.hpp"

namespace ratiofarm::trainer {

ParticleEvents::ParticleEvents(const Network& network)
    : inputs_(network.inputs),
      columns_(network.particles.size()),
      slot_(slot_size(network)),
      slots_(network.max_particles),
      pairs_(reads_momenta(network.kind)),
      beams_(network.beams) {}

void ParticleEvents::take(Block<const float> events,
                          std::size_t count,
                          std::size_t first,
                          std::size_t wanted,
                          ParticleChunk& chunk) const {
    chunk = {.first_event = first,
             .particles = std::move(chunk.particles),
             .mean = std::move(chunk.mean),
             .sum = std::move(chunk.sum),
             .partners = std::move(chunk.partners),
             .partner_mean = std::move(chunk.partner_mean),
             .partner_sum = std::move(chunk.partner_sum)};
    for (auto* all : {&chunk.mean, &chunk.sum, &chunk.partner_mean, &chunk.partner_sum}) {
        all->clear();
    }
    chunk.particles.clear();
    chunk.partners.clear();
    for (std::size_t event = first; event < count; ++event) {
        if (event > first && (pairs_ ? chunk.pairs : chunk.rows()) >= wanted) return;
        const float* slots = events.row(event) + inputs_ + 1;
        std::uint32_t n = 0;
        while (n < slots_ && slots[n * slot_] != 0.0F) ++n;
        if (beams_) n += 2;
        const float number = static_cast<float>(std::max(n, 1U));
        const std::uint32_t partners = std::max(n, 1U) - 1;
        chunk.particles.push_back(n);
        chunk.mean.push_back(1.0F / number);
        chunk.sum.push_back(slots[-1] / number);
        chunk.partners.insert(chunk.partners.end(), n, partners);
        chunk.partner_mean.insert(chunk.partner_mean.end(), n,
                                  1.0F / static_cast<float>(std::max(partners, 1U)));
        chunk.partner_sum.insert(chunk.partner_sum.end(), n, chunk.sum.back());
        chunk.pairs += std::size_t{n} * partners;
        chunk.squares += std::size_t{n} * n;
    }
}

void ParticleEvents::columns(Block<const float> events,
                             const ParticleChunk& chunk,
                             Block<float> to) const {
    std::size_t row = 0;
    for (std::size_t event = 0; event < chunk.events(); ++event) {
        const float* slot = events.row(chunk.first_event + event) + inputs_ + 1;
        const std::size_t beams = beams_ ? 2 : 0;
        for (std::size_t i = 0; i < chunk.particles[event]; ++i, ++row) {
            float* of = to.row(row);
            const bool real = i + beams < chunk.particles[event];
            if (real) {
                std::copy_n(slot + i * slot_ + 1, columns_, of);
            } else {
                std::fill_n(of, columns_, 0.0F);
            }
            if (beams_) of[columns_] = real ? 0.0F : 1.0F;
        }
    }
}

void ParticleEvents::products(Block<const float> events,
                              const ParticleChunk& chunk,
                              float* to) const {
    std::array<std::array<double, 4>, most_particles + 2> momenta{};
    for (std::size_t event = 0; event < chunk.events(); ++event) {
        const float* slot = events.row(chunk.first_event + event) + inputs_ + 2 + columns_;
        const std::size_t n = chunk.particles[event];
        const std::size_t real = n - (beams_ ? 2 : 0);
        for (std::size_t i = 0; i < real; ++i, slot += slot_) {
            momenta[i] = {double{slot[0]} + double{slot[4]}, slot[1], slot[2], slot[3]};
        }
        for (std::size_t i = real; i < n; ++i) momenta[i] = {1.0, 0.0, 0.0, i == real ? 1.0 : -1.0};
        for (std::size_t i = 0; i < n; ++i) {
            const auto& p = momenta[i];
            for (std::size_t j = 0; j <= i; ++j) {
                const auto& q = momenta[j];
                const double product = p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3];
                to[i * n + j] = to[j * n + i] = static_cast<float>(product);
            }
        }
        to += n * n;
    }
}

}  // namespace ratiofarm::trainer
