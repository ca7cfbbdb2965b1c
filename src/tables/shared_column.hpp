#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"

#include "h5/dataset.hpp"

#include "byte_file.hpp"

namespace ratiofarm {

/// How a dataset is cut into what SharedColumn reads: `lines` of `elements` each, checksummed in
/// blocks of `block` elements, the last block of a line being shorter.
struct LineLayout {
    std::uint64_t lines = 1;
    std::uint64_t elements = 0;
    std::uint64_t block = 1;
    std::uint64_t blocks() const { return (elements + block - 1) / block; }  ///< of a line
};

/// Checksums beside a dataset: "<path>_crc", CRC-32 in u32, or "<path>_xxh3", XXH3-64 in u64.
enum class ChecksumKind : std::uint8_t { crc, xxh3 };

std::string xxh3_path(const std::string& path);

/// A dataset that several threads read at once: by pread where it lies in one piece and has our
/// type, otherwise through HDF5, one thread at a time. Every checksum is compared once, when the
/// first event of its block is read, so that small ranges cost no more than large ones.
class SharedColumn {
public:
    struct Source {
        const h5::File& file;
        const ByteFile& bytes;  ///< of the same file; both outlive the column
        std::mutex& hdf5;       ///< HDF5 itself serves one thread at a time
    };

    /// \throws DataError if the checksums do not fit or there is no such dataset
    SharedColumn(const Source& source,
                 const std::string& path,
                 h5::ElementType type,
                 const LineLayout& layout,
                 ChecksumKind kind);

    h5::ElementType type() const { return type_; }
    bool has_checksums() const { return !checksums_.empty() || layout_.elements == 0; }
    bool is_direct() const { return info_.offset.has_value() && info_.type == type_; }

    /// Elements of one line, as `type`. \param to elements.size() * size of the type
    /// \throws DataError naming dataset, line and elements that are damaged
    void read(std::uint64_t line, Range elements, std::span<std::byte> to) const;

private:
    Range block_range(std::uint64_t block) const;
    std::atomic<bool>& verified(std::uint64_t line, std::uint64_t block) const {
        return verified_[line * layout_.blocks() + block];
    }
    void load(std::uint64_t line, Range elements, std::span<std::byte> to) const;
    void load_by_hdf5(std::uint64_t line, Range elements, std::span<std::byte> to) const;
    void read_edge(std::uint64_t line, Range elements, std::span<std::byte> to) const;
    void read_whole(std::uint64_t line, Range blocks, std::span<std::byte> to) const;
    void verify(std::uint64_t line, std::uint64_t block, std::span<const std::byte> bytes) const;

    const ByteFile& bytes_;
    std::mutex& hdf5_;
    std::string path_;
    h5::Dataset data_;
    h5::DatasetInfo info_;
    h5::ElementType type_;
    LineLayout layout_;
    ChecksumKind kind_;
    std::vector<std::uint64_t> checksums_;  ///< [lines, blocks], or empty
    std::unique_ptr<std::atomic<bool>[]> verified_;
};

}  // namespace ratiofarm
