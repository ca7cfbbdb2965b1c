#include "ratiofarm/tables/ratio_set_writer.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/h5/attributes.hpp"

#include "checked_column.hpp"
#include "half.hpp"
#include "parallel_table.hpp"
#include "ratio_attributes.hpp"
#include "ratio_events.hpp"

namespace ratiofarm {

namespace {

/// Events in memory at a time: with a thousand columns about 130 MB.
constexpr std::uint64_t rows_per_piece = 4 * shape_block;
static_assert(rows_per_block % rows_per_piece == 0);

h5::ElementType shape_type(const RatioSetsInput& input) {
    return input.half_precision ? h5::ElementType::f16 : h5::ElementType::f32;
}

std::uint64_t shape_blocks(std::uint64_t events) {
    return (events + shape_block - 1) / shape_block;
}

std::vector<ColumnLayout> columns_of(const RatioSetsInput& input, const RatioSetsInput::Set& set) {
    const std::string group = set_path(set.name) + "/";
    return {{group + "id", h5::ElementType::u64, set.events},
            {group + "weight", h5::ElementType::f64, set.events},
            {group + "log_r", h5::ElementType::f32, set.events, input.header.processes.size(),
             ColumnShape::matrix}};
}

std::uint64_t bytes_of(const RatioSetsInput& input) {
    const std::uint64_t lines = 2 * input.header.shapes.size();
    std::uint64_t bytes = 0;
    for (const auto& set : input.sets) {
        for (const ColumnLayout& layout : columns_of(input, set)) bytes += layout.bytes();
        bytes += lines * (set.events * h5::size_of(shape_type(input)) +
                          shape_blocks(set.events) * sizeof(std::uint64_t));
    }
    return bytes;
}

/// log_g_up or log_g_down of one set, open for writing.
class ShapeWriter {
public:
    static void create(const h5::File& file,
                       const std::string& path,
                       std::uint64_t columns,
                       std::uint64_t events,
                       h5::ElementType type) {
        const std::uint64_t shape[] = {columns, events};
        const std::uint64_t blocks[] = {columns, shape_blocks(events)};
        h5::create_dataset(file, path, type, shape);
        h5::create_dataset(file, xxh3_path(path), h5::ElementType::u64, blocks);
    }

    ShapeWriter(const h5::File& file, const std::string& path)
        : data_(h5::open_dataset(file, path)),
          checksums_(h5::open_dataset(file, xxh3_path(path))),
          info_(h5::describe(data_)) {}

    /// \param rows begin at a block  \param values [columns, rows]
    void write(Range rows, std::span<const float> values) const {
        for (std::uint64_t column = 0; column < info_.rows(); ++column) {
            const auto list = values.subspan(column * rows.size(), rows.size());
            if (info_.type == h5::ElementType::f32) {
                write_list(column, rows, std::as_bytes(list));
                continue;
            }
            std::vector<std::uint16_t> halves(list.size());
            std::transform(list.begin(), list.end(), halves.begin(), half_of);
            write_list(column, rows, std::as_bytes(std::span(halves)));
        }
    }

private:
    void write_list(std::uint64_t column, Range rows, std::span<const std::byte> bytes) const {
        h5::write_part(data_, {{column, column + 1}, rows}, *info_.type, bytes.data());
        const std::uint64_t step = shape_block * info_.type_size;
        std::vector<std::uint64_t> checksums;
        for (std::uint64_t first = 0; first < bytes.size(); first += step) {
            checksums.push_back(
                xxh3(bytes.subspan(first, std::min<std::uint64_t>(step, bytes.size() - first))));
        }
        const std::uint64_t block = rows.first / shape_block;
        h5::write_part(checksums_, {{column, column + 1}, {block, block + checksums.size()}},
                       h5::ElementType::u64, checksums.data());
    }

    h5::Dataset data_;
    h5::Dataset checksums_;
    h5::DatasetInfo info_;
};

template <class T>
void append(std::vector<T>& list, const std::vector<T>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

/// One ratio file in the making.
class RatioSetsWriter {
public:
    explicit RatioSetsWriter(const RatioSetsInput& input)
        : input_(input), sums_(input.sets.size(), 0.0) {
        RATIOFARM_EXPECT(!input.header.processes.empty());
    }

    void create(const h5::File& file) const {
        const std::uint64_t columns = input_.header.shapes.size();
        for (const auto& set : input_.sets) {
            h5::create_group(file, set_path(set.name));
            for (const ColumnLayout& layout : columns_of(input_, set)) create_column(file, layout);
            if (columns == 0) continue;
            for (const bool up : {true, false}) {
                ShapeWriter::create(file, shape_path(set.name, up), columns, set.events,
                                    shape_type(input_));
            }
        }
    }

    void write(const h5::File& file) {
        for (std::size_t set = 0; set < input_.sets.size(); ++set) {
            for (std::uint64_t block = 0; block < block_count(input_.sets[set].events); ++block) {
                write_block(file, set, block);
            }
        }
    }

    void describe(const h5::File& file) const {
        std::vector<std::string> names;
        for (std::size_t set = 0; set < input_.sets.size(); ++set) {
            names.push_back(input_.sets[set].name);
            h5::write_attribute(file, set_path(names.back()), "sum_of_weights", sums_[set]);
        }
        write_ratio_header(file, input_.header, RatioSummary{}, names);
        write_kind(file, kind_of(input_.header));
    }

private:
    void write_block(const h5::File& file, std::size_t set, std::uint64_t block) {
        const Range rows = rows_of_block(block, input_.sets[set].events);
        const std::string name = input_.sets[set].name;
        RatioSetRows whole;
        for (std::uint64_t first = rows.first; first < rows.last; first += rows_per_piece) {
            const Range piece{first, std::min(first + rows_per_piece, rows.last)};
            const RatioSetRows part = input_.rows(set, piece);
            check_sizes(part, piece.size());
            write_shapes(file, name, piece, part);
            append(whole.id, part.id);
            append(whole.weight, part.weight);
            append(whole.log_r, part.log_r);
        }
        for (const double weight : whole.weight) sums_[set] += weight;
        const auto columns = columns_of(input_, input_.sets[set]);
        CheckedColumn(file, columns[0].path).write_block<std::uint64_t>(block, whole.id);
        CheckedColumn(file, columns[1].path).write_block<double>(block, whole.weight);
        CheckedColumn(file, columns[2].path).write_block<float>(block, whole.log_r);
    }

    void write_shapes(const h5::File& file,
                      const std::string& set,
                      Range rows,
                      const RatioSetRows& part) const {
        if (input_.header.shapes.empty()) return;
        ShapeWriter(file, shape_path(set, true)).write(rows, part.log_g_up);
        ShapeWriter(file, shape_path(set, false)).write(rows, part.log_g_down);
    }

    void check_sizes(const RatioSetRows& part, std::uint64_t n) const {
        const std::uint64_t columns = input_.header.shapes.size();
        RATIOFARM_EXPECT(part.id.size() == n && part.weight.size() == n);
        RATIOFARM_EXPECT(part.log_r.size() == n * input_.header.processes.size());
        RATIOFARM_EXPECT(part.log_g_up.size() == n * columns);
        RATIOFARM_EXPECT(part.log_g_down.size() == n * columns);
    }

    const RatioSetsInput& input_;
    std::vector<double> sums_;  ///< of weights, by set
};

}  // namespace

void write_ratio_sets(const std::filesystem::path& path, const RatioSetsInput& input) {
    RatioSetsWriter writer(input);
    write_together(
        mpi::Communicator(), path,
        {.bytes = bytes_of(input),
         .create = [&](const h5::File& file) { writer.create(file); },
         .write = [&](const h5::File& file) { writer.write(file); },
         .describe = [&](const h5::File& file) { writer.describe(file); },
         .verify = [&](const h5::File&) { RatioFile(partial_path(path)).verify_events(); }});
}

}  // namespace ratiofarm
