#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/mapped_file.hpp"

#include "protocol/trainer_protocol.hpp"

#include "mapped_particles.hpp"

namespace ratiofarm::trainer {

/// One sample, mapped read-only, with the columns that a net reads.
class MappedSample {
public:
    /// \param features  columns of the feature matrix, in input order
    /// \throws DataError naming file and sample
    MappedSample(const SampleColumns& columns,
                 std::span<const std::uint32_t> features,
                 const Network& network);

    std::uint64_t events() const { return id_.size(); }
    std::uint64_t id(std::uint64_t row) const { return id_[row]; }

    /// \throws DataError if it is not finite
    double weight(std::uint64_t row) const;

    /// What the network sees of an event before it is scaled. \param values  [event_size()]
    /// \throws DataError if it is not finite
    void fill(std::uint64_t row, std::span<float> values) const;

    /// "sample 'S' of 'events.h5'", for messages.
    const std::string& name() const { return name_; }

private:
    float feature(std::uint64_t row, std::size_t input) const;

    std::string name_;
    MappedFile file_;
    std::uint64_t columns_;
    std::vector<std::uint32_t> inputs_;
    std::span<const float> features_;  ///< [events, columns]
    std::span<const double> weight_;
    std::span<const std::uint64_t> id_;
    MappedParticles particles_;  ///< if the network reads them
    bool has_particles_ = false;
    std::uint64_t gram_ = 0;  ///< Network::gram
    bool log_features_ = false;
};

}  // namespace ratiofarm::trainer
