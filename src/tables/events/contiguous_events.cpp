#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>

#include <sys/stat.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "h5/attributes.hpp"
#include "tables/parallel_table.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"

namespace ratiofarm {

namespace {

/// Names one state of a file: it is copied again when this changes.
std::string state_of(const std::filesystem::path& file, std::span<const SampleToRead> samples) {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0) {
        throw_unreadable("cannot look at '" + file.string() + "'", errno);
    }
    std::string state = std::filesystem::absolute(file).string() + " " +
                        std::to_string(status.st_size) + " bytes, changed " +
                        std::to_string(status.st_mtim.tv_sec) + "." +
                        std::to_string(status.st_mtim.tv_nsec) + ", samples";
    for (const SampleToRead& sample : samples) {
        state += " " + sample.name;
        for (const std::string& weights : sample.weights) state += "/" + weights;
        if (sample.particles) state += "/particles";
        if (sample.levels) state += "/truth";
    }
    return state;
}

bool is_copy_of(const std::filesystem::path& copy, const std::string& state) {
    try {
        return h5::read_text_attribute(open_table(copy, events_kind), "/", "copy_of") == state;
    } catch (const Error&) {
        return false;  // none yet, or unusable: made again
    }
}

struct Columns {
    ColumnLayout features, weight, id;
    std::vector<ColumnLayout> weights;
    std::vector<ColumnLayout> particles;  ///< values, offsets and, perhaps, types
    std::vector<ColumnLayout> levels;     ///< truth and flags

    std::uint64_t bytes() const {
        std::uint64_t lists = 0;
        for (const ColumnLayout& column : particles) lists += column.bytes();
        for (const ColumnLayout& column : levels) lists += column.bytes();
        return features.bytes() + weight.bytes() + id.bytes() + lists +
               (weights.empty() ? 0 : weights.size() * weights.front().bytes());
    }
};

Columns columns_of(const EventLayout& layout) {
    std::vector<ColumnLayout> weights;
    for (const auto& each : layout.weights) {
        weights.push_back(
            {layout.path(weights_dataset(each.name)), h5::ElementType::f64, layout.events()});
    }
    std::vector<ColumnLayout> particles;
    if (layout.particles) {
        const std::uint64_t rows = layout.particles->values.rows();
        particles =
            particle_columns(layout.sample, {.columns = layout.particles->columns.size(),
                                             .particles = rows,
                                             .events = layout.events(),
                                             .has_types = layout.particles->types.has_value()});
    }
    return {.features = {layout.path("features"), h5::ElementType::f32, layout.events(),
                         layout.columns.size(), ColumnShape::matrix},
            .weight = {layout.path("weight"), h5::ElementType::f64, layout.events()},
            .id = {layout.path("id"), h5::ElementType::u64, layout.events()},
            .weights = std::move(weights),
            .particles = std::move(particles),
            .levels = layout.levels ? level_columns(layout.sample, layout.levels->columns.size(),
                                                    layout.events())
                                    : std::vector<ColumnLayout>{}};
}

void create_copy(const h5::File& copy, const EventLayout& layout) {
    const Columns columns = columns_of(layout);
    h5::create_group(copy, "/" + layout.sample);
    create_column(copy, columns.features);
    create_column(copy, columns.weight);
    create_column(copy, columns.id);
    if (!columns.weights.empty()) h5::create_group(copy, layout.path("weights"));
    for (const ColumnLayout& weights : columns.weights) create_column(copy, weights);
    for (const ColumnLayout& column : columns.particles) create_column(copy, column);
    for (const ColumnLayout& column : columns.levels) create_column(copy, column);
    h5::write_attribute(copy, columns.features.path, "columns", layout.columns);
    if (layout.levels) {
        h5::write_attribute(copy, columns.levels[0].path, "columns", layout.levels->columns);
    }
    if (!layout.particles) return;
    h5::write_attribute(copy, layout.path(particles_dataset), "columns", layout.particles->columns);
}

template <h5::Element T>
void write_blocks(const h5::File& file, const std::string& path, std::span<const T> values) {
    const CheckedColumn column(file, path);
    const std::uint64_t width = column.info().width();
    for (std::uint64_t block = 0; block < block_count(column.info().rows()); ++block) {
        const Range rows = rows_of_block(block, column.info().rows());
        column.write_block<T>(block, values.subspan(rows.first * width, rows.size() * width));
    }
}

void copy_particles(const h5::File& original, const h5::File& copy, const EventLayout& layout) {
    const ParticleReader reader(original, layout);
    const CheckedColumn values(copy, layout.path(particles_dataset));
    std::optional<CheckedColumn> types;
    if (layout.particles->types) types.emplace(copy, layout.path(types_dataset));
    for (std::uint64_t block = 0; block < block_count(values.info().rows()); ++block) {
        const auto some = reader.read(rows_of_block(block, values.info().rows()));
        values.write_block<float>(block, some.values);
        if (types) types->write_block<std::int64_t>(block, some.types);
    }
    write_blocks<std::uint64_t>(copy, layout.path(offsets_dataset), reader.offsets());
}

void copy_events(const h5::File& original, const h5::File& copy, const EventLayout& layout) {
    const EventBlockReader reader(original, layout);
    const CheckedColumn features(copy, layout.path("features"));
    const CheckedColumn weight(copy, layout.path("weight"));
    const CheckedColumn id(copy, layout.path("id"));
    std::vector<CheckedColumn> weights;
    for (const auto& each : layout.weights) {
        weights.emplace_back(copy, layout.path(weights_dataset(each.name)));
    }
    std::vector<CheckedColumn> levels;
    for (const ColumnLayout& column : columns_of(layout).levels) {
        levels.emplace_back(copy, column.path);
    }
    for (std::uint64_t block = 0; block < reader.blocks(); ++block) {
        const EventBlock events = reader.read(block);
        features.write_block<float>(block, events.features);
        weight.write_block<double>(block, events.weight);
        id.write_block<std::uint64_t>(block, events.id);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            weights[i].write_block<double>(block, events.weights[i]);
        }
        if (levels.empty()) continue;
        levels[0].write_block<float>(block, events.truth);
        levels[1].write_block<std::uint8_t>(block, events.pass_reco);
        levels[2].write_block<std::uint8_t>(block, events.pass_truth);
    }
    if (layout.particles) copy_particles(original, copy, layout);
}

void verify_copy(const h5::File& copy, std::span<const EventLayout> layouts) {
    for (const EventLayout& layout : layouts) {
        const EventBlockReader reader(copy, layout);
        for (std::uint64_t block = 0; block < reader.blocks(); ++block) reader.read(block);
        if (!layout.particles) continue;
        const ParticleReader particles(copy, layout);
        const std::uint64_t rows = layout.particles->values.rows();
        for (std::uint64_t block = 0; block < block_count(rows); ++block) {
            particles.read(rows_of_block(block, rows));
        }
    }
}

void make_copy(const h5::File& original,
               const std::filesystem::path& copy,
               const std::vector<EventLayout>& layouts,
               const std::string& state) {
    std::uint64_t bytes = 0;
    for (const EventLayout& layout : layouts) bytes += columns_of(layout).bytes();
    write_together(mpi::Communicator(), copy,
                   {.bytes = bytes,
                    .create =
                        [&](const h5::File& file) {
                            for (const EventLayout& layout : layouts) create_copy(file, layout);
                        },
                    .write =
                        [&](const h5::File& file) {
                            for (const EventLayout& layout : layouts) {
                                copy_events(original, file, layout);
                            }
                        },
                    .describe =
                        [&](const h5::File& file) {
                            h5::write_attribute(file, "/", "copy_of", std::string_view(state));
                            write_kind(file, events_kind);
                        },
                    .verify = [&](const h5::File& file) { verify_copy(file, layouts); }});
}

/// "pool@sm" and "pool@plus" are columns of one sample in the copy, too: nets learn from their
/// events as from those of the original, to the same bits.
std::vector<SampleToRead> as_stored(const h5::File& file, std::span<const SampleToRead> samples) {
    std::vector<SampleToRead> stored;
    for (const SampleToRead& sample : samples) {
        const bool own = h5::is_group(file, "/" + sample.name);
        const auto at = own ? std::string::npos : sample.name.find('@');
        const std::string name = sample.name.substr(0, at);
        std::vector<std::string> columns = sample.weights;
        if (at != std::string::npos) columns.push_back(sample.name.substr(at + 1));
        auto known = std::ranges::find(stored, name, &SampleToRead::name);
        if (known == stored.end()) known = stored.insert(known, SampleToRead{name, {}});
        known->particles = known->particles || sample.particles;
        known->levels = known->levels || sample.levels;
        for (std::string& column : columns) {
            if (std::ranges::find(known->weights, column) != known->weights.end()) continue;
            known->weights.push_back(std::move(column));
        }
    }
    return stored;
}

}  // namespace

std::filesystem::path contiguous_events(const std::filesystem::path& file,
                                        std::span<const SampleToRead> samples,
                                        const std::filesystem::path& folder,
                                        const std::function<void()>& copying) {
    const h5::File original = open_table(file, events_kind);
    Problems problems(file.string());
    std::vector<EventLayout> layouts;
    const std::vector<SampleToRead> stored = as_stored(original, samples);
    for (const SampleToRead& sample : stored) {
        auto layout = in_context("'" + file.string() + "'",
                                 [&] { return read_event_layout(original, sample, problems); });
        if (!layout) return file;  // read_sample_info() says what is wrong
        layouts.push_back(std::move(*layout));
    }
    if (std::all_of(layouts.begin(), layouts.end(), std::mem_fn(&EventLayout::is_native))) {
        return file;
    }
    const std::filesystem::path copy = folder / "events.contiguous.h5";
    const std::string state = state_of(file, stored);
    if (!is_copy_of(copy, state)) {
        if (copying) copying();
        in_context("copying '" + file.string() + "'",
                   [&] { make_copy(original, copy, layouts, state); });
    }
    return copy;
}

}  // namespace ratiofarm
