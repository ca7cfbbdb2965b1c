#include "shared_column.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "h5/file.hpp"

#include "checked_column.hpp"

namespace ratiofarm {

namespace {

/// Read in one go: what is checksummed must still be in the processor's cache.
constexpr std::uint64_t bytes_per_read = std::uint64_t{1} << 18;

constexpr std::size_t small_block = 16384;  ///< bytes that fit on the stack

std::vector<std::uint64_t> read_checksums(const h5::File& file,
                                          const std::string& path,
                                          ChecksumKind kind,
                                          const LineLayout& layout) {
    const std::string name = kind == ChecksumKind::crc ? checksum_path(path) : xxh3_path(path);
    if (!h5::is_dataset(file, name)) return {};
    const h5::DatasetInfo info = h5::describe(h5::open_dataset(file, name));
    if (info.rows() * info.width() != layout.lines * layout.blocks()) {
        throw DataError(name + " is " + info.description() + ", must hold " +
                        std::to_string(layout.lines) + " x " + std::to_string(layout.blocks()) +
                        " checksums: one for each block of " + std::to_string(layout.block) +
                        " elements of " + path);
    }
    return h5::read_all<std::uint64_t>(file, name);
}

}  // namespace

std::string xxh3_path(const std::string& path) { return path + "_xxh3"; }

SharedColumn::SharedColumn(const Source& source,
                           const std::string& path,
                           h5::ElementType type,
                           const LineLayout& layout,
                           ChecksumKind kind)
    : bytes_(source.bytes),
      hdf5_(source.hdf5),
      path_(path),
      data_(h5::open_dataset(source.file, path)),
      info_(h5::describe(data_)),
      type_(type),
      layout_(layout),
      kind_(kind),
      checksums_(read_checksums(source.file, path, kind, layout)) {
    RATIOFARM_EXPECT(layout.block > 0);
    RATIOFARM_EXPECT(info_.rows() * info_.width() == layout.lines * layout.elements);
    // Checksums are those of the stored bytes, which a converting read does not see.
    if (info_.type != type) checksums_.clear();
    verified_ = std::make_unique<std::atomic<bool>[]>(checksums_.size());
}

Range SharedColumn::block_range(std::uint64_t block) const {
    return {block * layout_.block, std::min((block + 1) * layout_.block, layout_.elements)};
}

void SharedColumn::load_by_hdf5(std::uint64_t line, Range elements, std::span<std::byte> to) const {
    const std::lock_guard lock(hdf5_);
    if (layout_.lines == info_.rows() && info_.shape.size() == 2 &&
        layout_.elements == info_.width()) {
        h5::read_part(data_, {{line, line + 1}, elements}, type_, to.data());
        return;
    }
    // One line that holds whole rows.
    const std::uint64_t width = info_.width();
    h5::read_rows(data_, {elements.first / width, elements.last / width}, type_, to.data(),
                  elements.size());
}

void SharedColumn::load(std::uint64_t line, Range elements, std::span<std::byte> to) const {
    if (!is_direct()) return load_by_hdf5(line, elements, to);
    const std::uint64_t first = line * layout_.elements + elements.first;
    bytes_.read(*info_.offset + first * h5::size_of(type_), to);
}

void SharedColumn::verify(std::uint64_t line,
                          std::uint64_t block,
                          std::span<const std::byte> bytes) const {
    const std::uint64_t found = kind_ == ChecksumKind::crc ? crc32(bytes) : xxh3(bytes);
    if (found == checksums_[line * layout_.blocks() + block]) {
        verified(line, block).store(true, std::memory_order_relaxed);
        return;
    }
    const std::uint64_t width = layout_.lines == 1 ? info_.width() : 1;
    const Range rows = block_range(block);
    throw DataError(path_ + (layout_.lines == 1 ? "" : " column " + std::to_string(line)) +
                    " rows " + std::to_string(rows.first / width) + " to " +
                    std::to_string(rows.last / width - 1) +
                    ": damaged, the checksum does not match");
}

void SharedColumn::read_edge(std::uint64_t line, Range elements, std::span<std::byte> to) const {
    if (elements.empty()) return;
    const std::uint64_t block = elements.first / layout_.block;
    if (checksums_.empty() || verified(line, block).load(std::memory_order_relaxed)) {
        return load(line, elements, to);
    }
    const std::uint64_t size = h5::size_of(type_);
    const Range whole = block_range(block);
    // Blocks of shapes are small and read often, others are few.
    std::array<std::byte, small_block> small;
    std::vector<std::byte> large(whole.size() * size > small_block ? whole.size() * size : 0);
    const std::span<std::byte> bytes =
        (large.empty() ? std::span<std::byte>(small) : std::span<std::byte>(large))
            .first(whole.size() * size);
    load(line, whole, bytes);
    verify(line, block, bytes);
    std::memcpy(to.data(), bytes.data() + (elements.first - whole.first) * size, to.size());
}

void SharedColumn::read_whole(std::uint64_t line, Range blocks, std::span<std::byte> to) const {
    const std::uint64_t size = h5::size_of(type_);
    const std::uint64_t start = block_range(blocks.first).first;
    const std::uint64_t step = std::max<std::uint64_t>(1, bytes_per_read / (layout_.block * size));
    for (std::uint64_t first = blocks.first; first < blocks.last; first += step) {
        const std::uint64_t last = std::min(first + step, blocks.last);
        const auto bytes_of = [&](Range elements) {
            return to.subspan((elements.first - start) * size, elements.size() * size);
        };
        const Range piece{block_range(first).first, block_range(last - 1).last};
        load(line, piece, bytes_of(piece));
        if (checksums_.empty()) continue;
        for (std::uint64_t block = first; block < last; ++block) {
            if (verified(line, block).load(std::memory_order_relaxed)) continue;
            verify(line, block, bytes_of(block_range(block)));
        }
    }
}

void SharedColumn::read(std::uint64_t line, Range elements, std::span<std::byte> to) const {
    const std::uint64_t size = h5::size_of(type_);
    RATIOFARM_EXPECT(line < layout_.lines && elements.last <= layout_.elements);
    RATIOFARM_EXPECT(to.size() == elements.size() * size);
    if (elements.empty()) return;
    // An incomplete block, whole blocks, an incomplete block.
    const std::uint64_t first_block = (elements.first + layout_.block - 1) / layout_.block;
    const std::uint64_t last_block =
        elements.last == layout_.elements ? layout_.blocks() : elements.last / layout_.block;
    if (first_block > last_block) return read_edge(line, elements, to);
    const std::uint64_t middle = std::min(first_block * layout_.block, elements.last);
    const std::uint64_t tail = std::min(last_block * layout_.block, elements.last);
    read_edge(line, {elements.first, middle}, to.first((middle - elements.first) * size));
    read_whole(line, {first_block, last_block},
               to.subspan((middle - elements.first) * size, (tail - middle) * size));
    read_edge(line, {tail, elements.last}, to.subspan((tail - elements.first) * size));
}

}  // namespace ratiofarm
