#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"
#include "event_selection.hpp"

namespace ratiofarm {
namespace {

constexpr const char* density_dataset = "log_density";

/// A sample of the original and what becomes of it.
struct Source {
    const KeptEvents& wanted;
    EventLayout layout;
    std::vector<std::string> columns;    ///< of the features, added ones included
    std::vector<std::string> densities;  ///< processes of log_density; empty: there is none
    std::vector<double> log_share;       ///< [densities]
    std::uint64_t rows = 0;              ///< kept
    std::uint64_t particles = 0;         ///< of kept events

    std::string path(std::string_view dataset) const { return layout.written().path(dataset); }
};

Source source_of(const h5::File& original,
                 const KeptEvents& wanted,
                 const AddedColumns& added,
                 const LogShares& shares,
                 Problems& problems) {
    auto layout = read_event_layout(original, wanted.sample, problems);
    problems.throw_if_any();
    RATIOFARM_EXPECT(layout && layout->events() == wanted.kept.size());
    Source source{wanted, std::move(*layout), {}, {}, {}, 0, 0};
    source.columns = source.layout.columns;
    source.columns.insert(source.columns.end(), added.names.begin(), added.names.end());
    // With other weights the events have another density.
    const std::string density = source.layout.path(density_dataset);
    if (source.layout.weights_as_weight.empty() && h5::exists(original, density)) {
        source.densities = h5::read_texts_attribute(original, density, "processes");
    }
    for (const std::string& process : source.densities) {
        const auto known = std::ranges::find(shares, process, &LogShares::value_type::first);
        source.log_share.push_back(known == shares.end() ? 0.0 : known->second);
    }
    source.rows =
        static_cast<std::uint64_t>(std::count(wanted.kept.begin(), wanted.kept.end(), true));
    if (source.layout.particles) {
        const ParticleReader lists(original, source.layout);
        for (std::size_t row = 0; row < wanted.kept.size(); ++row) {
            if (!wanted.kept[row]) continue;
            source.particles += lists.offsets()[row + 1] - lists.offsets()[row];
        }
    }
    return source;
}

/// The columns of a sample as they are written.
std::vector<ColumnLayout> columns_of(const Source& source) {
    const std::uint64_t rows = source.rows;
    std::vector<ColumnLayout> columns{{source.path("features"), h5::ElementType::f32, rows,
                                       source.columns.size(), ColumnShape::matrix},
                                      {source.path("weight"), h5::ElementType::f64, rows},
                                      {source.path("id"), h5::ElementType::u64, rows}};
    for (const std::string& name : source.wanted.sample.weights) {
        columns.push_back({source.path(weights_dataset(name)), h5::ElementType::f64, rows});
    }
    if (!source.densities.empty()) {
        columns.push_back({source.path(density_dataset), h5::ElementType::f64, rows,
                           source.densities.size(), ColumnShape::matrix});
    }
    if (source.layout.particles) {
        std::ranges::copy(
            particle_columns(source.layout.sample,
                             {.columns = source.layout.particles->columns.size(),
                              .particles = source.particles,
                              .events = rows,
                              .has_types = source.layout.particles->types.has_value()}),
            std::back_inserter(columns));
    }
    return columns;
}

void create_kept(const h5::File& file, const Source& source) {
    h5::create_group(file, "/" + source.layout.sample);
    if (!source.wanted.sample.weights.empty()) h5::create_group(file, source.path("weights"));
    for (const ColumnLayout& column : columns_of(source)) create_column(file, column);
    h5::write_attribute(file, source.path("features"), "columns", source.columns);
    if (source.layout.particles) {
        h5::write_attribute(file, source.path(particles_dataset), "columns",
                            source.layout.particles->columns);
    }
    if (source.densities.empty()) return;
    h5::write_attribute(file, source.path(density_dataset), "processes", source.densities);
}

/// Rows of one column, collected until a block is full.
template <h5::Element T>
class ColumnSink {
public:
    ColumnSink(const h5::File& file, const std::string& path) : column_(file, path) {}

    void add(std::span<const T> values) {
        waiting_.insert(waiting_.end(), values.begin(), values.end());
        if (waiting_.size() == rows_per_block * column_.info().width()) write_kept();
    }

    void finish() {
        if (!waiting_.empty()) write_kept();
    }

private:
    void write_kept() {
        column_.write_block<T>(block_, waiting_);
        waiting_.clear();
        block_ += 1;
    }

    CheckedColumn column_;
    std::vector<T> waiting_;
    std::uint64_t block_ = 0;
};

/// All columns of one sample of the new file.
class SampleSink {
public:
    SampleSink(const h5::File& file, const Source& source)
        : source_(source),
          features_(file, source.path("features")),
          weight_(file, source.path("weight")),
          id_(file, source.path("id")) {
        for (const std::string& name : source.wanted.sample.weights) {
            weights_.emplace_back(file, source.path(weights_dataset(name)));
        }
        if (!source.densities.empty()) {
            densities_.emplace_back(file, source.path(density_dataset));
        }
    }

    /// \param added    [rows, added columns]
    /// \param density  [rows, processes], empty if there is none
    void add(const EventBlock& block,
             std::span<const float> added,
             std::span<const double> density) {
        const std::size_t width = source_.layout.columns.size();
        const std::size_t more = source_.columns.size() - width;
        const std::size_t processes = source_.densities.size();
        const std::span<const float> features(block.features);
        for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
            if (!source_.wanted.kept[block.rows.first + row]) continue;
            event_.assign(features.begin() + static_cast<std::ptrdiff_t>(row * width),
                          features.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
            const auto behind = added.subspan(row * more, more);
            event_.insert(event_.end(), behind.begin(), behind.end());
            features_.add(event_);
            weight_.add({&block.weight[row], 1});
            id_.add({&block.id[row], 1});
            for (std::size_t i = 0; i < weights_.size(); ++i) {
                weights_[i].add({&block.weights[i][row], 1});
            }
            for (auto& sink : densities_) sink.add(density.subspan(row * processes, processes));
        }
    }

    void finish() {
        features_.finish();
        weight_.finish();
        id_.finish();
        for (auto& sink : weights_) sink.finish();
        for (auto& sink : densities_) sink.finish();
    }

private:
    const Source& source_;
    ColumnSink<float> features_;
    ColumnSink<double> weight_;
    ColumnSink<std::uint64_t> id_;
    std::vector<ColumnSink<double>> weights_;
    std::vector<ColumnSink<double>> densities_;  // one or none
    std::vector<float> event_;
};

/// The particle lists of kept events, a block of events at a time.
void write_kept_particles(const h5::File& original, const h5::File& file, const Source& source) {
    const ParticleReader reader(original, source.layout);
    const auto& offsets = reader.offsets();
    const std::size_t width = source.layout.particles->columns.size();
    ColumnSink<float> values(file, source.path(particles_dataset));
    ColumnSink<std::uint64_t> ends(file, source.path(offsets_dataset));
    std::optional<ColumnSink<std::int64_t>> types;
    if (source.layout.particles->types) types.emplace(file, source.path(types_dataset));
    std::uint64_t end = 0;
    ends.add({&end, 1});
    const std::uint64_t events = source.layout.events();
    for (std::uint64_t number = 0; number < block_count(events); ++number) {
        const Range rows = rows_of_block(number, events);
        const Range range{offsets[rows.first], offsets[rows.last]};
        const auto block = reader.read(range);
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            if (!source.wanted.kept[row]) continue;
            for (std::uint64_t p = offsets[row]; p < offsets[row + 1]; ++p) {
                const std::uint64_t place = p - range.first;
                values.add(std::span(block.values).subspan(place * width, width));
                if (types) types->add({&block.types[place], 1});
            }
            end += offsets[row + 1] - offsets[row];
            ends.add({&end, 1});
        }
    }
    values.finish();
    ends.finish();
    if (types) types->finish();
}

void write_kept(const h5::File& original,
                const h5::File& file,
                const Source& source,
                const AddedColumns& added) {
    const EventBlockReader reader(original, source.layout);
    SampleSink sink(file, source);
    for (std::uint64_t number = 0; number < reader.blocks(); ++number) {
        const EventBlock block = reader.read(number);
        std::vector<float> more;
        if (!added.names.empty()) more = added.values(source.layout.sample, block.rows);
        RATIOFARM_EXPECT(more.size() == block.rows.size() * added.names.size());
        std::vector<double> density;
        if (!source.densities.empty()) {
            density = CheckedColumn(original, source.layout.path(density_dataset))
                          .read<double>(block.rows);
            for (std::size_t i = 0; i < density.size(); ++i) {
                density[i] -= source.log_share[i % source.log_share.size()];
            }
        }
        sink.add(block, more, density);
    }
    sink.finish();
    if (source.layout.particles) write_kept_particles(original, file, source);
}

void verify_kept(const h5::File& file) {
    for (const std::string& path : h5::dataset_paths(file)) {
        if (is_checksum_path(path)) continue;
        const std::vector<std::string> damaged = CheckedColumn(file, path).damaged_blocks();
        if (!damaged.empty()) throw DataError("read back: " + damaged.front());
    }
}

}  // namespace

void write_kept_events(const std::filesystem::path& path,
                       const std::filesystem::path& original,
                       std::span<const KeptEvents> samples,
                       const AddedColumns& added,
                       const LogShares& shares) {
    const h5::File opened = open_table(original, events_kind);
    Problems problems(original.string());
    std::vector<Source> sources;
    std::uint64_t bytes = 0;
    for (const KeptEvents& sample : samples) {
        sources.push_back(source_of(opened, sample, added, shares, problems));
        for (const ColumnLayout& column : columns_of(sources.back())) bytes += column.bytes();
    }
    write_together(mpi::Communicator(), path,
                   {.bytes = bytes,
                    .create =
                        [&](const h5::File& file) {
                            for (const Source& source : sources) create_kept(file, source);
                        },
                    .write =
                        [&](const h5::File& file) {
                            for (const Source& source : sources)
                                write_kept(opened, file, source, added);
                        },
                    .describe = [](const h5::File& file) { write_kind(file, events_kind); },
                    .verify = verify_kept});
}

struct SampleBlocks::Open {
    h5::File file;
    EventBlockReader reader;
};

SampleBlocks::SampleBlocks(const std::filesystem::path& file, const SampleToRead& sample) {
    h5::File opened = open_table(file, events_kind);
    Problems problems(file.string());
    const auto layout = read_event_layout(opened, sample, problems);
    problems.throw_if_any();
    RATIOFARM_EXPECT(layout.has_value());
    columns_ = layout->columns;
    events_ = layout->events();
    EventBlockReader reader(opened, *layout);
    open_ = std::make_unique<Open>(Open{std::move(opened), std::move(reader)});
}

SampleBlocks::~SampleBlocks() = default;
SampleBlocks::SampleBlocks(SampleBlocks&&) noexcept = default;
SampleBlocks& SampleBlocks::operator=(SampleBlocks&&) noexcept = default;

std::uint64_t SampleBlocks::blocks() const { return open_->reader.blocks(); }

EventBlock SampleBlocks::read(std::uint64_t block) const { return open_->reader.read(block); }

}  // namespace ratiofarm
