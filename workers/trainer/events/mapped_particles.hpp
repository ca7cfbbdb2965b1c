#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm::trainer {

/// psi(x) = sign(x) ln(1 + |x|)
inline float signed_log(double x) {
    return static_cast<float>(std::copysign(std::log1p(std::abs(x)), x));
}

/// The particle lists of a mapped sample, as a network reads them.
class MappedParticles {
public:
    MappedParticles() = default;

    /// \throws DataError if the network cannot read these particles
    MappedParticles(const SampleColumns& sample, const MappedFile& file, const Network& network);

    /// Multiplicity and slots of an event, as protocol/particle_row.hpp describes them. Particles
    /// come by descending pT, equal ones by their columns: their order in the file decides no bit.
    /// Without momenta they come by descending columns. All in 64 bits until it is stored.
    /// \throws DataError if a value is not finite
    void fill(std::uint64_t event, std::span<float> row) const;

    /// psi of the pair products of network.gram, see protocol/particle_row.hpp.
    /// \throws DataError if one is not finite
    void fill_products(std::uint64_t event, std::uint64_t leading, std::span<float> values) const;

private:
    /// How a column of the network is made.
    struct Column {
        enum class From : std::uint8_t { file, quantity, type, other_type };
        From from = From::file;
        std::uint64_t number = 0;  ///< column of the file, quantity or type
    };
    /// What the columns of all particles of an event are relative to.
    struct Axis {
        double sum_pt = 0.0;
        double eta = 0.0;
        double phi = 0.0;
    };
    struct Momentum {
        double e, px, py, pz;
        double pt() const;
        double eta() const;
    };

    Momentum momentum(std::uint64_t particle) const;
    std::vector<std::uint64_t> in_order(std::uint64_t event) const;
    bool goes_before(std::uint64_t a, std::uint64_t b) const;
    Axis axis_of(std::span<const std::uint64_t> particles) const;
    double value(const Column& column, std::uint64_t particle, const Axis& axis) const;
    double quantity(std::uint64_t which, std::uint64_t particle, const Axis& axis) const;

    std::span<const float> values_;           ///< [particles, width_]
    std::span<const std::uint64_t> offsets_;  ///< [events + 1]
    std::span<const std::int64_t> types_;
    std::uint64_t width_ = 0;
    std::uint64_t most_ = 0;
    std::uint64_t mass_ = 0;  ///< column of the file; 0: none
    bool has_momenta_ = false;
    bool stores_momenta_ = false;
    std::vector<Column> columns_;
    std::vector<std::uint64_t> listed_types_;
};

}  // namespace ratiofarm::trainer
