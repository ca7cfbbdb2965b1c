#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/mapped_file.hpp"

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm::trainer {

/// The nets of an ensemble file, mapped.
class MemberRows {
public:
    /// Checks every row. \throws DataError naming file and member: a row that was never written, a
    /// weight that is not finite, a calibration without knots in order; SystemError if the file is
    /// not the one that was found sound
    explicit MemberRows(const InferRequest& request);

    /// feature_shift, feature_scale, then weights and biases. [row_size]
    std::span<const float> row(std::uint32_t member) const;

    /// Applies the member's calibration, if the ensemble has one.
    void calibrate(std::uint32_t member, std::span<float> logits) const;

    /// Members whose nets an event of the fold is evaluated with; without folds all.
    std::vector<std::uint32_t> of_fold(std::uint32_t fold) const;

    /// "'ensemble.h5', member 3", for messages.
    std::string name(std::uint32_t member) const;

private:
    std::span<const float> knots(std::uint32_t member) const;
    void check_row(std::uint32_t member) const;
    void check_calibration(std::uint32_t member) const;

    const InferRequest& request_;
    MappedFile file_;
    std::uint64_t row_size_;
};

}  // namespace ratiofarm::trainer
