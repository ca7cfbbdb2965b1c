#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/partition.hpp"

#include "h5/dataset.hpp"

/// Columns of events: datasets whose rows are checksummed in blocks of fixed size. The CRC-32 of
/// the bytes of block b of `/x/weight` is element b of `/x/weight_crc`.
namespace ratiofarm {

inline constexpr std::uint64_t rows_per_block = 65536;

inline std::uint64_t block_count(std::uint64_t rows) {
    return (rows + rows_per_block - 1) / rows_per_block;
}

inline Range rows_of_block(std::uint64_t block, std::uint64_t rows) {
    const std::uint64_t first = block * rows_per_block;
    return {first, std::min(first + rows_per_block, rows)};
}

std::string checksum_path(const std::string& path);

/// True for the name of a dataset of checksums.
bool is_checksum_path(const std::string& path);

/// Makes an empty column and its checksums. `width` 1 makes it one-dimensional, unless it is a
/// matrix.
enum class ColumnShape { list, matrix };
struct ColumnLayout {
    std::string path;
    h5::ElementType type;
    std::uint64_t rows = 0;
    std::uint64_t width = 1;
    ColumnShape shape = ColumnShape::list;

    std::uint64_t bytes() const;  ///< with checksums
};
void create_column(const h5::File& file, const ColumnLayout& layout);

class CheckedColumn {
public:
    /// \throws DataError if there is no such dataset
    CheckedColumn(const h5::File& file, const std::string& path);

    const std::string& path() const { return path_; }
    const h5::DatasetInfo& info() const { return info_; }
    bool has_checksums() const { return static_cast<bool>(checksums_); }

    /// Writes one block and its checksum.
    template <h5::Element T>
    void write_block(std::uint64_t block, std::span<const T> values) const {
        h5::write_rows<T>(data_, rows_of_block(block, info_.rows()), values);
        const std::uint32_t checksum = crc32(std::as_bytes(values));
        h5::write_rows<std::uint32_t>(checksums_, {block, block + 1}, std::span(&checksum, 1));
    }

    /// Rows, converted to T if they are stored otherwise. Where there are checksums, all blocks
    /// that are touched are read and verified.
    /// \throws DataError naming dataset and rows
    template <h5::Element T>
    std::vector<T> read(Range rows) const {
        if (!is_verifiable(h5::element_type<T>()) || rows.empty()) {
            return h5::read_rows<T>(data_, rows);
        }
        const Range whole{rows.first / rows_per_block * rows_per_block,
                          std::min(block_count(rows.last) * rows_per_block, info_.rows())};
        std::vector<T> values = h5::read_rows<T>(data_, whole);
        verify(whole, std::as_bytes(std::span(values)));
        if (whole == rows) return values;
        const auto first = values.begin() +
                           static_cast<std::ptrdiff_t>((rows.first - whole.first) * info_.width());
        return {first, first + static_cast<std::ptrdiff_t>(rows.size() * info_.width())};
    }

    /// One line for each damaged block.
    std::vector<std::string> damaged_blocks() const;

private:
    bool is_verifiable(h5::ElementType type) const { return has_checksums() && info_.type == type; }
    void verify(Range rows, std::span<const std::byte> bytes) const;

    std::string path_;
    h5::Dataset data_;
    h5::Dataset checksums_;
    h5::DatasetInfo info_;
};

}  // namespace ratiofarm
