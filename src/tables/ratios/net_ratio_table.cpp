#include "net_ratio_table.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "tables/shared_column.hpp"

#include "half.hpp"

namespace ratiofarm {

namespace {

std::uint64_t blocks_of(std::uint64_t events) {
    return (events + net_ratio_block - 1) / net_ratio_block;
}

/// XXH3-64 of each block of some events that begin at one.
std::vector<std::uint64_t> checksums_of(std::span<const std::byte> bytes, std::size_t type_size) {
    const std::uint64_t step = net_ratio_block * type_size;
    std::vector<std::uint64_t> checksums;
    for (std::uint64_t first = 0; first < bytes.size(); first += step) {
        checksums.push_back(
            xxh3(bytes.subspan(first, std::min<std::uint64_t>(step, bytes.size() - first))));
    }
    return checksums;
}

}  // namespace

std::uint64_t NetRatioTableLayout::bytes() const {
    return lines * (events * h5::size_of(type) + blocks_of(events) * sizeof(std::uint64_t));
}

void create_net_ratio_table(const h5::File& file, const NetRatioTableLayout& layout) {
    const std::uint64_t shape[] = {layout.lines, layout.events};
    const std::uint64_t blocks[] = {layout.lines, blocks_of(layout.events)};
    h5::create_dataset(file, layout.path, layout.type, shape);
    h5::create_dataset(file, xxh3_path(layout.path), h5::ElementType::u64, blocks);
}

NetRatioTable::NetRatioTable(const h5::File& file, const std::string& path)
    : path_(path), data_(h5::open_dataset(file, path)), info_(h5::describe(data_)) {
    if (info_.shape.size() != 2 || info_.type_class != h5::TypeClass::floating) {
        throw DataError(path + " is " + info_.description() +
                        ", must hold lines x events of floating point");
    }
    if (!h5::is_dataset(file, xxh3_path(path))) return;
    checksums_ = h5::open_dataset(file, xxh3_path(path));
    const std::vector<std::uint64_t> wanted{lines(), blocks_of(events())};
    if (h5::describe(checksums_).shape == wanted) return;
    throw DataError(xxh3_path(path) + " is " + h5::describe(checksums_).description() +
                    ", must hold " + std::to_string(wanted[0]) + " x " + std::to_string(wanted[1]) +
                    " checksums");
}

void NetRatioTable::write(std::uint64_t line, Range events, std::span<const float> values) const {
    RATIOFARM_EXPECT(values.size() == events.size());
    RATIOFARM_EXPECT(events.first % net_ratio_block == 0);
    RATIOFARM_EXPECT(events.last % net_ratio_block == 0 || events.last == this->events());
    if (info_.type == h5::ElementType::f32) {
        write_bytes(line, events, std::as_bytes(values));
        return;
    }
    std::vector<std::uint16_t> halves(values.size());
    std::transform(values.begin(), values.end(), halves.begin(),
                   [](float value) { return half_of(value); });
    write_bytes(line, events, std::as_bytes(std::span(halves)));
}

void NetRatioTable::write_bytes(std::uint64_t line,
                                Range events,
                                std::span<const std::byte> bytes) const {
    h5::write_part(data_, {{line, line + 1}, events}, *info_.type, bytes.data());
    const auto checksums = checksums_of(bytes, info_.type_size);
    const std::uint64_t block = events.first / net_ratio_block;
    h5::write_part(checksums_, {{line, line + 1}, {block, block + checksums.size()}},
                   h5::ElementType::u64, checksums.data());
}

std::vector<float> NetRatioTable::read(std::uint64_t line, Range events) const {
    RATIOFARM_EXPECT(line < lines() && events.last <= this->events());
    const bool verifiable = has_checksums() && info_.type == h5::ElementType::f32;
    const Range whole =
        verifiable && !events.empty()
            ? Range{events.first / net_ratio_block * net_ratio_block,
                    std::min(blocks_of(events.last) * net_ratio_block, this->events())}
            : events;
    std::vector<float> values(whole.size());
    if (values.empty()) return values;
    h5::read_part(data_, {{line, line + 1}, whole}, h5::ElementType::f32, values.data());
    if (verifiable) verify(line, whole, std::as_bytes(std::span(values)));
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(events.first - whole.first);
    return {first, first + static_cast<std::ptrdiff_t>(events.size())};
}

void NetRatioTable::verify(std::uint64_t line,
                           Range events,
                           std::span<const std::byte> bytes) const {
    const auto found = checksums_of(bytes, info_.type_size);
    const std::uint64_t block = events.first / net_ratio_block;
    std::vector<std::uint64_t> stored(found.size());
    h5::read_part(checksums_, {{line, line + 1}, {block, block + found.size()}},
                  h5::ElementType::u64, stored.data());
    for (std::size_t k = 0; k < found.size(); ++k) {
        if (found[k] == stored[k]) continue;
        const std::uint64_t first = (block + k) * net_ratio_block;
        throw DataError(path_ + " line " + std::to_string(line) + " events " +
                        std::to_string(first) + " to " +
                        std::to_string(std::min(first + net_ratio_block, this->events()) - 1) +
                        ": damaged, their checksum in " + xxh3_path(path_) + " does not match");
    }
}

std::vector<std::string> NetRatioTable::damaged_blocks() const {
    std::vector<std::string> problems;
    for (std::uint64_t line = 0; line < lines(); ++line) {
        for (std::uint64_t first = 0; first < events(); first += net_ratio_block) {
            try {
                read(line, {first, std::min(first + net_ratio_block, events())});
            } catch (const Error& error) {
                problems.emplace_back(error.what());
            }
        }
    }
    return problems;
}

}  // namespace ratiofarm
