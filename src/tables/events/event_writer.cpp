#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

#include "event_layout.hpp"

namespace ratiofarm {

namespace {

struct Layouts {
    ColumnLayout features, weight, id;
    std::optional<ColumnLayout> log_density;
    std::vector<ColumnLayout> weights;
    std::vector<ColumnLayout> particles;
    std::vector<ColumnLayout> levels;
};

Layouts layouts_of(const EventSample& sample) {
    const std::string group = "/" + sample.name + "/";
    const std::uint64_t rows = sample.weight.size();
    Layouts layouts{.features = {group + "features", h5::ElementType::f32, rows,
                                 sample.columns.size(), ColumnShape::matrix},
                    .weight = {group + "weight", h5::ElementType::f64, rows},
                    .id = {group + "id", h5::ElementType::u64, rows},
                    .log_density = std::nullopt,
                    .weights = {},
                    .particles = {},
                    .levels = {}};
    if (sample.log_density) {
        layouts.log_density = {group + "log_density", h5::ElementType::f64, rows,
                               sample.log_density->processes.size(), ColumnShape::matrix};
    }
    for (const EventWeights& weights : sample.weights) {
        layouts.weights.push_back(
            {group + weights_dataset(weights.name), h5::ElementType::f64, rows});
    }
    if (sample.particles) {
        const ParticleLists& lists = *sample.particles;
        layouts.particles = particle_columns(sample.name, {.columns = lists.columns.size(),
                                                           .particles = lists.offsets.back(),
                                                           .events = rows,
                                                           .has_types = !lists.types.empty()});
    }
    if (sample.levels) {
        layouts.levels = level_columns(sample.name, sample.levels->columns.size(), rows);
    }
    return layouts;
}

void expect_consistent(const EventSample& sample) {
    const std::size_t rows = sample.weight.size();
    RATIOFARM_EXPECT(sample.features.size() == rows * sample.columns.size());
    RATIOFARM_EXPECT(sample.id.size() == rows);
    for (const EventWeights& weights : sample.weights) {
        RATIOFARM_EXPECT(weights.values.size() == rows);
    }
    if (sample.particles) {
        const ParticleLists& lists = *sample.particles;
        RATIOFARM_EXPECT(lists.offsets.size() == rows + 1);
        RATIOFARM_EXPECT(lists.values.size() == lists.offsets.back() * lists.columns.size());
        RATIOFARM_EXPECT(lists.types.empty() || lists.types.size() == lists.offsets.back());
    }
    if (sample.levels) {
        RATIOFARM_EXPECT(sample.levels->truth.size() == rows * sample.levels->columns.size());
        RATIOFARM_EXPECT(sample.levels->pass_reco.size() == rows);
        RATIOFARM_EXPECT(sample.levels->pass_truth.size() == rows);
    }
    if (!sample.log_density) return;
    RATIOFARM_EXPECT(sample.log_density->values.size() ==
                     rows * sample.log_density->processes.size());
}

std::uint64_t bytes_of_samples(std::span<const EventSample> samples) {
    std::uint64_t bytes = 0;
    for (const EventSample& sample : samples) {
        const Layouts layouts = layouts_of(sample);
        bytes += layouts.features.bytes() + layouts.weight.bytes() + layouts.id.bytes();
        if (layouts.log_density) bytes += layouts.log_density->bytes();
        for (const ColumnLayout& weights : layouts.weights) bytes += weights.bytes();
        for (const ColumnLayout& column : layouts.particles) bytes += column.bytes();
        for (const ColumnLayout& column : layouts.levels) bytes += column.bytes();
    }
    return bytes;
}

void create_sample(const h5::File& file, const EventSample& sample) {
    const Layouts layouts = layouts_of(sample);
    h5::create_group(file, "/" + sample.name);
    create_column(file, layouts.features);
    create_column(file, layouts.weight);
    create_column(file, layouts.id);
    if (layouts.log_density) create_column(file, *layouts.log_density);
    if (!layouts.weights.empty()) h5::create_group(file, "/" + sample.name + "/weights");
    for (const ColumnLayout& weights : layouts.weights) create_column(file, weights);
    for (const ColumnLayout& column : layouts.particles) create_column(file, column);
    for (const ColumnLayout& column : layouts.levels) create_column(file, column);
    h5::write_attribute(file, layouts.features.path, "columns", sample.columns);
    if (sample.particles) {
        h5::write_attribute(file, layouts.particles[0].path, "columns", sample.particles->columns);
    }
    if (sample.levels) {
        h5::write_attribute(file, layouts.levels[0].path, "columns", sample.levels->columns);
    }
    if (!sample.log_density) return;
    h5::write_attribute(file, layouts.log_density->path, "processes",
                        sample.log_density->processes);
}

template <h5::Element T>
void write_column(const h5::File& file, const ColumnLayout& layout, std::span<const T> values) {
    const CheckedColumn column(file, layout.path);
    for (std::uint64_t block = 0; block < block_count(layout.rows); ++block) {
        const Range rows = rows_of_block(block, layout.rows);
        column.write_block<T>(
            block, values.subspan(rows.first * layout.width, rows.size() * layout.width));
    }
}

void write_sample(const h5::File& file, const EventSample& sample) {
    const Layouts layouts = layouts_of(sample);
    write_column<float>(file, layouts.features, sample.features);
    write_column<double>(file, layouts.weight, sample.weight);
    write_column<std::uint64_t>(file, layouts.id, sample.id);
    for (std::size_t i = 0; i < sample.weights.size(); ++i) {
        write_column<double>(file, layouts.weights[i], sample.weights[i].values);
    }
    if (sample.particles) {
        const ParticleLists& lists = *sample.particles;
        write_column<float>(file, layouts.particles[0], lists.values);
        write_column<std::uint64_t>(file, layouts.particles[1], lists.offsets);
        if (!lists.types.empty()) {
            write_column<std::int64_t>(file, layouts.particles[2], lists.types);
        }
    }
    if (sample.levels) {
        write_column<float>(file, layouts.levels[0], sample.levels->truth);
        write_column<std::uint8_t>(file, layouts.levels[1], sample.levels->pass_reco);
        write_column<std::uint8_t>(file, layouts.levels[2], sample.levels->pass_truth);
    }
    if (!sample.log_density) return;
    write_column<double>(file, *layouts.log_density, sample.log_density->values);
}

void verify_written(const h5::File& file) {
    for (const std::string& path : h5::dataset_paths(file)) {
        if (is_checksum_path(path)) continue;
        const std::vector<std::string> damaged = CheckedColumn(file, path).damaged_blocks();
        if (!damaged.empty()) throw DataError("read back: " + damaged.front());
    }
}

}  // namespace

void write_events(const std::filesystem::path& path, std::span<const EventSample> samples) {
    for (const EventSample& sample : samples) expect_consistent(sample);
    const auto each = [&](void (*step)(const h5::File&, const EventSample&)) {
        return [samples, step](const h5::File& file) {
            for (const EventSample& sample : samples) step(file, sample);
        };
    };
    write_together(mpi::Communicator(), path,
                   {.bytes = bytes_of_samples(samples),
                    .create = each(create_sample),
                    .write = each(write_sample),
                    .agree = {},
                    .describe = [](const h5::File& file) { write_kind(file, events_kind); },
                    .verify = verify_written});
}

}  // namespace ratiofarm
