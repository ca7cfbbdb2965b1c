#include "ratiofarm/tables/ratio_set_writer.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

#include "net_ratio_table.hpp"
#include "net_ratio_writer.hpp"
#include "ratio_attributes.hpp"
#include "ratio_events.hpp"

namespace ratiofarm {

namespace {

/// Events in memory at a time: with a thousand columns about 130 MB.
constexpr std::uint64_t rows_per_piece = 4 * net_ratio_block;
static_assert(rows_per_block % rows_per_piece == 0);

/// A table of shapes, and what is in it.
struct ShapeTable {
    NetRatioTableLayout layout;
    std::vector<float> RatioSetRows::*values;
};

std::vector<ShapeTable> shape_tables(const RatioSetsInput& input, const RatioSetsInput::Set& set) {
    const std::uint64_t shapes = input.header.shapes.size();
    if (shapes == 0) return {};
    std::vector<ShapeTable> tables;
    const auto add = [&](const std::string& path, auto type, auto values) {
        tables.push_back(ShapeTable{{path, shapes, set.events, type}, values});
    };
    const auto type = input.half_precision ? h5::ElementType::f16 : h5::ElementType::f32;
    add(shape_path(set.name, true), type, &RatioSetRows::log_g_up);
    add(shape_path(set.name, false), type, &RatioSetRows::log_g_down);
    if (input.header.shape_nets == 0) return tables;
    const auto half = [&](NetRatios lines) { return net_ratios_path(set.name, lines); };
    add(half(NetRatios::up_halves), h5::ElementType::f32, &RatioSetRows::half_up);
    add(half(NetRatios::down_halves), h5::ElementType::f32, &RatioSetRows::half_down);
    return tables;
}

std::vector<ColumnLayout> columns_of_set(const RatioSetsInput& input,
                                         const RatioSetsInput::Set& set) {
    const std::string group = set_path(set.name) + "/";
    return {{group + "id", h5::ElementType::u64, set.events},
            {group + "weight", h5::ElementType::f64, set.events},
            {group + "log_r", h5::ElementType::f32, set.events, input.header.processes.size(),
             ColumnShape::matrix}};
}

std::uint64_t bytes_of_sets(const RatioSetsInput& input) {
    std::uint64_t bytes = 0;
    for (const auto& set : input.sets) {
        for (const ColumnLayout& layout : columns_of_set(input, set)) bytes += layout.bytes();
        for (const ShapeTable& table : shape_tables(input, set)) bytes += table.layout.bytes();
    }
    return bytes;
}

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
        for (const auto& set : input_.sets) {
            h5::create_group(file, set_path(set.name));
            for (const ColumnLayout& layout : columns_of_set(input_, set))
                create_column(file, layout);
            for (const ShapeTable& table : shape_tables(input_, set)) {
                create_net_ratio_table(file, table.layout);
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
        RatioSetRows whole;
        for (std::uint64_t first = rows.first; first < rows.last; first += rows_per_piece) {
            const Range piece{first, std::min(first + rows_per_piece, rows.last)};
            const RatioSetRows part = input_.rows(set, piece);
            check_sizes(part, piece.size());
            write_shapes(file, input_.sets[set], piece, part);
            append(whole.id, part.id);
            append(whole.weight, part.weight);
            append(whole.log_r, part.log_r);
        }
        for (const double weight : whole.weight) sums_[set] += weight;
        const auto columns = columns_of_set(input_, input_.sets[set]);
        CheckedColumn(file, columns[0].path).write_block<std::uint64_t>(block, whole.id);
        CheckedColumn(file, columns[1].path).write_block<double>(block, whole.weight);
        CheckedColumn(file, columns[2].path).write_block<float>(block, whole.log_r);
    }

    void write_shapes(const h5::File& file,
                      const RatioSetsInput::Set& set,
                      Range rows,
                      const RatioSetRows& part) const {
        for (const ShapeTable& shapes : shape_tables(input_, set)) {
            const NetRatioTable table(file, shapes.layout.path);
            const std::span<const float> values(part.*shapes.values);
            for (std::uint64_t column = 0; column < table.lines(); ++column) {
                table.write(column, rows, values.subspan(column * rows.size(), rows.size()));
            }
        }
    }

    void check_sizes(const RatioSetRows& part, std::uint64_t n) const {
        const std::uint64_t columns = input_.header.shapes.size();
        RATIOFARM_EXPECT(part.id.size() == n && part.weight.size() == n);
        RATIOFARM_EXPECT(part.log_r.size() == n * input_.header.processes.size());
        RATIOFARM_EXPECT(part.log_g_up.size() == n * columns);
        RATIOFARM_EXPECT(part.log_g_down.size() == n * columns);
        const std::uint64_t halves = input_.header.shape_nets > 0 ? n * columns : 0;
        RATIOFARM_EXPECT(part.half_up.size() == halves && part.half_down.size() == halves);
    }

    const RatioSetsInput& input_;
    std::vector<double> sums_;  ///< of weights, by set
};

}  // namespace

void write_ratio_sets(const std::filesystem::path& path, const RatioSetsInput& input) {
    RatioSetsWriter writer(input);
    write_together(
        mpi::Communicator(), path,
        {.bytes = bytes_of_sets(input),
         .create = [&](const h5::File& file) { writer.create(file); },
         .write = [&](const h5::File& file) { writer.write(file); },
         .describe = [&](const h5::File& file) { writer.describe(file); },
         .verify = [&](const h5::File&) { RatioFile(partial_path(path)).verify_events(); }});
}

}  // namespace ratiofarm
