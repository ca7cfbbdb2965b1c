#include "mapped_particles.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

namespace ratiofarm::trainer {
namespace {

/// Of energies and transverse momenta before their logarithm is taken.
constexpr double least = 1e-6;
/// Of a particle along the beam.
constexpr double largest_eta = 20.0;

std::uint64_t absolute(std::int64_t type) {
    return type < 0 ? 0 - static_cast<std::uint64_t>(type) : static_cast<std::uint64_t>(type);
}

double wrapped(double angle) { return std::remainder(angle, 2.0 * std::numbers::pi); }

}  // namespace

double MappedParticles::Momentum::pt() const { return std::hypot(px, py); }

double MappedParticles::Momentum::eta() const {
    return std::clamp(std::asinh(pz / std::max(pt(), 1e-300)), -largest_eta, largest_eta);
}

MappedParticles::MappedParticles(const SampleColumns& sample,
                                 const MappedFile& file,
                                 const Network& network)
    : width_(sample.particles.names.size()),
      most_(network.max_particles),
      has_momenta_(has_momenta(sample.particles.names)),
      stores_momenta_(reads_momenta(network.kind)) {
    const ParticleColumns& lists = sample.particles;
    if (lists.names.empty()) throw DataError("there are no particle lists");
    const std::string problem = particle_problem(network, lists.names, lists.types_offset > 0);
    if (!problem.empty()) throw DataError(problem);
    values_ = file.values<float>(lists.values_offset, lists.particles * width_);
    offsets_ = file.values<std::uint64_t>(lists.offsets_offset, sample.events + 1);
    if (lists.types_offset > 0) {
        types_ = file.values<std::int64_t>(lists.types_offset, lists.particles);
    }
    const auto place = [&](std::string_view name) {
        return static_cast<std::uint64_t>(std::ranges::find(lists.names, name) -
                                          lists.names.begin());
    };
    if (has_momenta_ && place("mass") < width_) mass_ = place("mass");
    for (const std::string& name : network.particles) {
        if (place(name) < width_) {
            columns_.push_back({Column::From::file, place(name)});
        } else if (const auto quantity = enumerator_of<ParticleQuantity>(name)) {
            columns_.push_back({Column::From::quantity, static_cast<std::uint64_t>(*quantity)});
        } else if (const auto type = type_of_column(name)) {
            columns_.push_back({Column::From::type, *type});
            listed_types_.push_back(*type);
        } else {
            columns_.push_back({Column::From::other_type, 0});
        }
    }
}

/// Where the mass has a column, the energy is computed from it: what is left of a small mass in E
/// of 32 bits is rounding.
MappedParticles::Momentum MappedParticles::momentum(std::uint64_t particle) const {
    const float* of = values_.data() + particle * width_;
    Momentum p{of[0], of[1], of[2], of[3]};
    if (mass_ > 0) p.e = std::hypot(std::hypot(p.px, p.py, p.pz), static_cast<double>(of[mass_]));
    return p;
}

bool MappedParticles::goes_before(std::uint64_t a, std::uint64_t b) const {
    const auto values_of = [&](std::uint64_t particle) {
        return values_.subspan(particle * width_, width_);
    };
    if (has_momenta_) {
        const double pt_a = momentum(a).pt();
        const double pt_b = momentum(b).pt();
        if (pt_a != pt_b) return pt_a > pt_b;
    }
    const auto one = values_of(a);
    const auto other = values_of(b);
    const auto [mine, its] = std::ranges::mismatch(one, other);
    if (mine != one.end()) return *mine > *its;
    return !types_.empty() && types_[a] > types_[b];
}

std::vector<std::uint64_t> MappedParticles::in_order(std::uint64_t event) const {
    const std::uint64_t first = offsets_[event];
    const std::uint64_t last = offsets_[event + 1];
    if (first > last || last > offsets_.back() || last * width_ > values_.size()) {
        throw DataError("particle_offsets of row " + std::to_string(event) + " go from " +
                        std::to_string(first) + " to " + std::to_string(last));
    }
    std::vector<std::uint64_t> particles(last - first);
    std::iota(particles.begin(), particles.end(), first);
    std::ranges::sort(particles, [&](auto a, auto b) { return goes_before(a, b); });
    return particles;
}

MappedParticles::Axis MappedParticles::axis_of(std::span<const std::uint64_t> particles) const {
    Axis axis;
    Momentum sum{0.0, 0.0, 0.0, 0.0};
    for (const std::uint64_t particle : particles) {
        const Momentum p = momentum(particle);
        axis.sum_pt += p.pt();
        sum.px += p.px;
        sum.py += p.py;
        sum.pz += p.pz;
    }
    axis.eta = sum.eta();
    axis.phi = std::atan2(sum.py, sum.px);
    return axis;
}

double MappedParticles::quantity(std::uint64_t which,
                                 std::uint64_t particle,
                                 const Axis& axis) const {
    const Momentum p = momentum(particle);
    const double phi = std::atan2(p.py, p.px);
    switch (static_cast<ParticleQuantity>(which)) {
        case ParticleQuantity::log_pt: return std::log(std::max(p.pt(), least));
        case ParticleQuantity::log_energy: return std::log(std::max(p.e, least));
        case ParticleQuantity::eta: return p.eta();
        case ParticleQuantity::phi: return phi;
        case ParticleQuantity::log_pt_rel:
            return std::log(std::max(p.pt(), least) / std::max(axis.sum_pt, least));
        case ParticleQuantity::deta: return p.eta() - axis.eta;
        case ParticleQuantity::dphi: return wrapped(phi - axis.phi);
        case ParticleQuantity::mass: {
            const double square = p.e * p.e - p.px * p.px - p.py * p.py - p.pz * p.pz;
            return std::sqrt(std::max(square, 0.0));
        }
    }
    return 0.0;
}

double MappedParticles::value(const Column& column,
                              std::uint64_t particle,
                              const Axis& axis) const {
    switch (column.from) {
        case Column::From::file: return values_[particle * width_ + column.number];
        case Column::From::quantity: return quantity(column.number, particle, axis);
        case Column::From::type: return absolute(types_[particle]) == column.number ? 1.0 : 0.0;
        case Column::From::other_type:
            return std::ranges::count(listed_types_, absolute(types_[particle])) > 0 ? 0.0 : 1.0;
    }
    return 0.0;
}

void MappedParticles::fill_products(std::uint64_t event,
                                    std::uint64_t leading,
                                    std::span<float> values) const {
    std::vector<Momentum> momenta;
    for (const std::uint64_t particle : in_order(event)) {
        if (momenta.size() < leading) momenta.push_back(momentum(particle));
    }
    auto next = values.begin();
    for (std::size_t j = 1; j < leading; ++j) {
        for (std::size_t i = 0; i < j; ++i) {
            double product = 0.0;
            if (j < momenta.size()) {
                const Momentum& p = momenta[i];
                const Momentum& q = momenta[j];
                product = p.e * q.e - p.px * q.px - p.py * q.py - p.pz * q.pz;
            }
            if (!std::isfinite(product)) {
                throw DataError("row " + std::to_string(event) + ": the product of momenta " +
                                std::to_string(i + 1) + " and " + std::to_string(j + 1) + " is " +
                                std::to_string(product) + " (must be finite)");
            }
            *next++ = signed_log(product);
        }
    }
    RATIOFARM_EXPECT(next == values.end());
}

void MappedParticles::fill(std::uint64_t event, std::span<float> row) const {
    const std::vector<std::uint64_t> particles = in_order(event);
    const Axis axis = has_momenta_ ? axis_of(particles) : Axis{};
    const std::size_t size =
        1 + columns_.size() + (stores_momenta_ ? std::size_t{momentum_numbers} : 0);
    RATIOFARM_EXPECT(row.size() == 1 + most_ * size);
    std::ranges::fill(row, 0.0F);
    row[0] = static_cast<float>(particles.size());
    float* next = row.data() + 1;
    const auto put = [&](double value) {
        *next++ = static_cast<float>(value);
        if (std::isfinite(*(next - 1))) return;
        throw DataError("row " + std::to_string(event) + ": a particle has the value " +
                        std::to_string(value) + " (must be finite)");
    };
    for (std::size_t i = 0; i < std::min<std::size_t>(particles.size(), most_); ++i) {
        *next++ = 1.0F;
        for (const Column& column : columns_) put(value(column, particles[i], axis));
        if (!stores_momenta_) continue;
        const Momentum p = momentum(particles[i]);
        put(p.e);
        put(p.px);
        put(p.py);
        put(p.pz);
        put(p.e - static_cast<double>(static_cast<float>(p.e)));
    }
}

}  // namespace ratiofarm::trainer
