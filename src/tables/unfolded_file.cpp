#include "unfolded_file.hpp"

#include <array>
#include <set>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/publish.hpp"
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

/// A dataset for each column of `from`, which is read once.
template <h5::Element T>
void copy_columns(const h5::File& from,
                  const std::string& path,
                  const h5::File& to,
                  const std::vector<std::string>& names) {
    const CheckedColumn column(from, path);
    const std::uint64_t rows = column.info().rows(), width = column.info().width();
    RATIOFARM_EXPECT(width == names.size());
    const std::array shape{rows};
    std::vector<h5::Dataset> datasets;
    for (const std::string& name : names) {
        h5::create_dataset(to, name, h5::element_type<T>(), shape);
        datasets.push_back(h5::open_dataset(to, name));
    }
    std::vector<T> values;
    for (std::uint64_t block = 0; block < block_count(rows); ++block) {
        const Range range = rows_of_block(block, rows);
        const std::vector<T> all = column.read<T>(range);
        for (std::size_t k = 0; k < width; ++k) {
            values.clear();
            for (std::size_t i = k; i < all.size(); i += width) values.push_back(all[i]);
            h5::write_rows<T>(datasets[k], range, std::span<const T>(values));
        }
    }
}

/// The families of weights, without their checksums.
std::vector<std::string> weight_names(const h5::File& from) {
    std::vector<std::string> names = h5::member_names(from, "/weights");
    std::erase_if(names,
                  [](const std::string& name) { return is_checksum_path("/weights/" + name); });
    return names;
}

/// \throws DataError if a column of the truth is called like weights of the public file
void expect_distinct(const std::filesystem::path& unfolded,
                     const std::vector<std::string>& columns,
                     const std::vector<std::string>& weights) {
    std::set<std::string> taken{"weight_mc"};
    for (const std::string& name : weights) taken.insert("weights_" + name);
    for (const std::string& column : columns) {
        if (!taken.contains(column)) continue;
        throw DataError("'" + unfolded.string() + "': the column '" + column +
                        "' of the truth has the name of weights; give it another one");
    }
}

void copy_attributes(const h5::File& from, const h5::File& to) {
    for (const std::string& name : h5::attribute_names(from, "/")) {
        if (name == "format" || name == "version" || name == "contains_mc_weight") continue;
        h5::write_attribute(to, "/", name,
                            std::string_view(h5::read_text_attribute(from, "/", name)));
    }
    h5::write_attribute(to, "/", "contains_mc_weight",
                        h5::read_integer_attribute(from, "/", "contains_mc_weight"));
}

}  // namespace

void export_omnifold(const std::filesystem::path& unfolded, const std::filesystem::path& out) {
    const h5::File from = open_table(unfolded, unfolded_kind);
    const auto columns = h5::read_texts_attribute(from, "/truth", "columns");
    const auto weights = weight_names(from);
    expect_distinct(unfolded, columns, weights);
    if (out.has_parent_path()) std::filesystem::create_directories(out.parent_path());
    const auto partial = partial_path(out);
    h5::File to = h5::create_file(partial);
    copy_attributes(from, to);
    copy_columns<double>(from, "/weight_mc", to, {"/weight_mc"});
    for (const std::string& name : weights) {
        const std::string path = "/weights/" + name;
        copy_columns<double>(from, path, to, {"/weights_" + name});
        h5::write_attribute(to, "/weights_" + name, "rule",
                            std::string_view(h5::read_text_attribute(from, path, "rule")));
    }
    std::vector<std::string> paths;
    for (const std::string& column : columns) paths.push_back("/" + column);
    copy_columns<float>(from, "/truth", to, paths);
    h5::close(std::move(to));
    publish_file(partial, out);
}

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
