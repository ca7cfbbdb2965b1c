#include "mapped_sample.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
namespace {

[[noreturn]] void refuse_value(const std::string& sample,
                               std::uint64_t row,
                               const std::string& what,
                               double value) {
    throw DataError(sample + ": row " + std::to_string(row) + ": " + what + " is " +
                    std::to_string(value) + " (must be finite)");
}

}  // namespace

MappedSample::MappedSample(const SampleColumns& columns,
                           std::span<const std::uint32_t> features,
                           const Network& network)
    : name_("sample '" + columns.sample + "' of '" + columns.file + "'"),
      file_(columns.file),
      columns_(columns.columns),
      inputs_(features.begin(), features.end()),
      has_particles_(reads_lists(network)),
      gram_(network.gram),
      log_features_(network.log_features) {
    in_context(name_, [&] {
        for (const std::uint32_t column : inputs_) {
            if (column >= columns_) {
                throw DataError("feature column " + std::to_string(column) +
                                " does not exist: the matrix has " + std::to_string(columns_));
            }
        }
        expect_unchanged(columns);
        features_ = file_.values<float>(columns.features_offset, columns.events * columns_);
        weight_ = file_.values<double>(columns.weight_offset, columns.events);
        id_ = file_.values<std::uint64_t>(columns.id_offset, columns.events);
        if (has_particles_) particles_ = MappedParticles(columns, file_, network);
    });
}

double MappedSample::weight(std::uint64_t row) const {
    const double value = weight_[row];
    if (!std::isfinite(value)) refuse_value(name_, row, "weight", value);
    return value;
}

float MappedSample::feature(std::uint64_t row, std::size_t input) const {
    const float value = features_[row * columns_ + inputs_[input]];
    if (!std::isfinite(value)) {
        refuse_value(name_, row, "feature column " + std::to_string(inputs_[input]),
                     static_cast<double>(value));
    }
    return value;
}

void MappedSample::fill(std::uint64_t row, std::span<float> values) const {
    for (std::size_t input = 0; input < inputs_.size(); ++input) {
        const float value = feature(row, input);
        values[input] = log_features_ ? signed_log(static_cast<double>(value)) : value;
    }
    if (!has_particles_) return;
    const auto behind = values.subspan(inputs_.size());
    in_context(name_, [&] {
        if (gram_ > 0) {
            particles_.fill_products(row, gram_, behind);
        } else {
            particles_.fill(row, behind);
        }
    });
}

}  // namespace ratiofarm::trainer
