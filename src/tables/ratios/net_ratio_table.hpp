#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"

/// Datasets [lines, events] of a set of events: one number per event and line, each line in one
/// piece. The XXH3-64 of the bytes of block b of a line of `/x/log_g_up` is element [line, b] of
/// `/x/log_g_up_xxh3`.
namespace ratiofarm {

/// Events of a block: small enough that a shard of a likelihood touches few of them.
inline constexpr std::uint64_t net_ratio_block = 4096;

struct NetRatioTableLayout {
    std::string path;
    std::uint64_t lines = 0;
    std::uint64_t events = 0;
    h5::ElementType type = h5::ElementType::f32;  ///< or f16

    std::uint64_t bytes() const;  ///< with checksums
};

/// Makes the empty dataset and that of its checksums. For one rank.
void create_net_ratio_table(const h5::File& file, const NetRatioTableLayout& layout);

/// A table of lines, open. Several ranks may write different blocks.
class NetRatioTable {
public:
    /// \throws DataError if it or its checksums have another shape than lines of events
    NetRatioTable(const h5::File& file, const std::string& path);

    std::uint64_t lines() const { return info_.shape[0]; }
    std::uint64_t events() const { return info_.shape[1]; }
    bool has_checksums() const { return static_cast<bool>(checksums_); }

    /// Part of one line with its checksums; rounded to 11 bits where it is stored as f16.
    /// \param events begin at a block, end at one or with the line
    void write(std::uint64_t line, Range events, std::span<const float> values) const;

    /// Part of one line. Where there are checksums, all blocks that are touched are verified.
    /// \throws DataError naming dataset, line and events
    std::vector<float> read(std::uint64_t line, Range events) const;

    /// One text for each damaged block.
    std::vector<std::string> damaged_blocks() const;

private:
    void write_bytes(std::uint64_t line, Range events, std::span<const std::byte> bytes) const;
    void verify(std::uint64_t line, Range events, std::span<const std::byte> bytes) const;

    std::string path_;
    h5::Dataset data_;
    h5::Dataset checksums_;
    h5::DatasetInfo info_;
};

}  // namespace ratiofarm
