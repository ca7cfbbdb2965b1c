#include "unfolded_file.hpp"

#include <set>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

namespace ratiofarm {
namespace {

std::vector<ColumnLayout> layouts_of(const UnfoldedTable& table) {
    const std::uint64_t rows = table.id.size();
    std::vector<ColumnLayout> layouts{
        {"/truth", h5::ElementType::f32, rows, table.columns.size(), ColumnShape::matrix},
        {"/id", h5::ElementType::u64, rows},
        {"/weight_mc", h5::ElementType::f64, rows}};
    for (const UnfoldedWeights& weights : table.weights) {
        layouts.push_back({weights.path, h5::ElementType::f64, rows});
    }
    return layouts;
}

template <h5::Element T>
void write_whole(const h5::File& file, const std::string& path, std::span<const T> values) {
    const CheckedColumn column(file, path);
    const std::uint64_t width = column.info().width();
    for (std::uint64_t block = 0; block < block_count(column.info().rows()); ++block) {
        const Range rows = rows_of_block(block, column.info().rows());
        column.write_block<T>(block, values.subspan(rows.first * width, rows.size() * width));
    }
}

void create_table(const h5::File& file, const UnfoldedTable& table) {
    std::set<std::string> groups;
    for (const UnfoldedWeights& weights : table.weights) {
        groups.insert(weights.path.substr(0, weights.path.rfind('/')));
    }
    for (const std::string& group : groups) h5::create_group(file, group);
    for (const ColumnLayout& layout : layouts_of(table)) create_column(file, layout);
    h5::write_attribute(file, "/truth", "columns", table.columns);
    for (const UnfoldedWeights& weights : table.weights) {
        h5::write_attribute(file, weights.path, "rule", std::string_view(weights.rule));
    }
    for (const auto& [name, text] : table.texts) {
        h5::write_attribute(file, "/", name, std::string_view(text));
    }
    h5::write_attribute(file, "/", "contains_mc_weight", std::uint64_t{1});
}

void write_table(const h5::File& file, const UnfoldedTable& table) {
    write_whole<float>(file, "/truth", table.truth);
    write_whole<std::uint64_t>(file, "/id", table.id);
    write_whole<double>(file, "/weight_mc", table.weight_mc);
    for (const UnfoldedWeights& weights : table.weights) {
        const std::vector<double> values = weights.values();
        RATIOFARM_EXPECT(values.size() == table.id.size());
        write_whole<double>(file, weights.path, values);
    }
}

void expect_written(const h5::File& file, const UnfoldedTable& table) {
    for (const ColumnLayout& layout : layouts_of(table)) {
        const auto damaged = CheckedColumn(file, layout.path).damaged_blocks();
        if (!damaged.empty()) throw DataError("read back: " + damaged.front());
    }
}

}  // namespace

void write_unfolded_table(const std::filesystem::path& path, const UnfoldedTable& table) {
    std::uint64_t bytes = 0;
    for (const ColumnLayout& layout : layouts_of(table)) bytes += layout.bytes();
    write_together(mpi::Communicator(), path,
                   {.bytes = bytes,
                    .create = [&](const h5::File& file) { create_table(file, table); },
                    .write = [&](const h5::File& file) { write_table(file, table); },
                    .agree = {},
                    .describe = [](const h5::File& file) { write_kind(file, unfolded_kind); },
                    .verify = [&](const h5::File& file) { expect_written(file, table); }});
}

}  // namespace ratiofarm
