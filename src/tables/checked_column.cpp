#include "checked_column.hpp"

#include "ratiofarm/core/errors.hpp"

#include "h5/file.hpp"

namespace ratiofarm {

namespace {

constexpr std::string_view suffix = "_crc";

std::string rows_text(Range rows) {
    return "rows " + std::to_string(rows.first) + " to " + std::to_string(rows.last - 1);
}

template <h5::Element T>
std::vector<std::string> damage(const CheckedColumn& column) {
    std::vector<std::string> problems;
    const std::uint64_t rows = column.info().rows();
    for (std::uint64_t block = 0; block < block_count(rows); ++block) {
        try {
            column.read<T>(rows_of_block(block, rows));
        } catch (const Error& error) {
            problems.emplace_back(error.what());
        }
    }
    return problems;
}

}  // namespace

std::string checksum_path(const std::string& path) { return path + std::string(suffix); }

bool is_checksum_path(const std::string& path) { return path.ends_with(suffix); }

std::uint64_t ColumnLayout::bytes() const {
    return rows * width * h5::size_of(type) + block_count(rows) * sizeof(std::uint32_t);
}

void create_column(const h5::File& file, const ColumnLayout& layout) {
    std::vector<std::uint64_t> shape{layout.rows};
    if (layout.shape == ColumnShape::matrix) shape.push_back(layout.width);
    h5::create_dataset(file, layout.path, layout.type, shape);
    const std::uint64_t blocks[] = {block_count(layout.rows)};
    h5::create_dataset(file, checksum_path(layout.path), h5::ElementType::u32, blocks);
}

CheckedColumn::CheckedColumn(const h5::File& file, const std::string& path)
    : path_(path), data_(h5::open_dataset(file, path)), info_(h5::describe(data_)) {
    const std::string checksums = checksum_path(path);
    if (!h5::is_dataset(file, checksums)) return;
    checksums_ = h5::open_dataset(file, checksums);
    const std::uint64_t found = h5::describe(checksums_).rows();
    if (found == block_count(info_.rows())) return;
    throw DataError(checksums + " has " + std::to_string(found) + " checksums, " + path + " has " +
                    std::to_string(block_count(info_.rows())) + " blocks of " +
                    std::to_string(rows_per_block) + " rows");
}

void CheckedColumn::verify(Range rows, std::span<const std::byte> bytes) const {
    const std::uint64_t row_bytes = info_.width() * info_.type_size;
    const Range blocks{rows.first / rows_per_block, block_count(rows.last)};
    const auto stored = h5::read_rows<std::uint32_t>(checksums_, blocks);
    for (std::uint64_t block = blocks.first; block < blocks.last; ++block) {
        const Range part = rows_of_block(block, info_.rows());
        const auto part_bytes =
            bytes.subspan((part.first - rows.first) * row_bytes, part.size() * row_bytes);
        if (crc32(part_bytes) == stored[block - blocks.first]) continue;
        throw DataError(path_ + " " + rows_text(part) + ": damaged, the checksum in " +
                        checksum_path(path_) + " does not match");
    }
}

std::vector<std::string> CheckedColumn::damaged_blocks() const {
    if (!has_checksums() || !info_.type) return {};
    switch (*info_.type) {
        case h5::ElementType::f16: return {};  // has other checksums
        case h5::ElementType::f32: return damage<float>(*this);
        case h5::ElementType::f64: return damage<double>(*this);
        case h5::ElementType::i64: return damage<std::int64_t>(*this);
        case h5::ElementType::u8: return damage<std::uint8_t>(*this);
        case h5::ElementType::u32: return damage<std::uint32_t>(*this);
        case h5::ElementType::u64: return damage<std::uint64_t>(*this);
    }
    return {};
}

}  // namespace ratiofarm
