#include "event_blocks.hpp"

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

namespace {

std::vector<std::uint64_t> read_ids(const CheckedColumn& column, Range rows) {
    if (column.info().type_class == h5::TypeClass::unsigned_integer) {
        return column.read<std::uint64_t>(rows);
    }
    // Converted by HDF5, every negative id would become 0.
    const std::vector<std::int64_t> numbers = column.read<std::int64_t>(rows);
    return {numbers.begin(), numbers.end()};
}

/// Converted by HDF5, -1 would become 0.
std::vector<std::uint8_t> read_flags(const CheckedColumn& column, Range rows) {
    if (column.info().type == h5::ElementType::u8) return column.read<std::uint8_t>(rows);
    std::vector<std::uint8_t> flags;
    for (const std::uint64_t flag : read_ids(column, rows)) {
        flags.push_back(flag <= 1 ? static_cast<std::uint8_t>(flag) : 255);
    }
    return flags;
}

}  // namespace

EventBlockReader::EventBlockReader(const h5::File& file, const EventLayout& layout)
    : events_(layout.events()),
      features_(file, layout.path("features")),
      weight_(file, layout.path("weight")),
      id_(file, layout.path("id")) {
    for (const auto& weights : layout.weights) {
        weights_.emplace_back(file, layout.path(weights_dataset(weights.name)));
    }
    if (!layout.levels) return;
    for (const char* dataset : {truth_dataset, pass_reco_dataset, pass_truth_dataset}) {
        levels_.emplace_back(file, layout.path(dataset));
    }
}

EventBlock EventBlockReader::read(std::uint64_t block) const {
    EventBlock events;
    events.rows = rows_of_block(block, events_);
    events.features = features_.read<float>(events.rows);
    events.weight = weight_.read<double>(events.rows);
    events.id = read_ids(id_, events.rows);
    for (const CheckedColumn& column : weights_) {
        events.weights.push_back(column.read<double>(events.rows));
    }
    if (levels_.empty()) return events;
    events.truth = levels_[0].read<float>(events.rows);
    events.pass_reco = read_flags(levels_[1], events.rows);
    events.pass_truth = read_flags(levels_[2], events.rows);
    return events;
}

ParticleReader::ParticleReader(const h5::File& file, const EventLayout& layout)
    : values_(file, layout.path(particles_dataset)) {
    RATIOFARM_EXPECT(layout.particles.has_value());
    if (layout.particles->types) types_.emplace(file, layout.path(types_dataset));
    const CheckedColumn offsets(file, layout.path(offsets_dataset));
    offsets_ = offsets.read<std::uint64_t>({0, offsets.info().rows()});
}

ParticleReader::Particles ParticleReader::read(Range particles) const {
    return {.values = values_.read<float>(particles),
            .types = types_ ? types_->read<std::int64_t>(particles) : std::vector<std::int64_t>{}};
}

}  // namespace ratiofarm
