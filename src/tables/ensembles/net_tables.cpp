#include "net_tables.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

namespace {

// Places in the list of tables; the columns begin at first_column, two tables follow them.
constexpr std::size_t weights = 0;
constexpr std::size_t weights_crc = 1;
constexpr std::size_t first_column = 2;

template <class T>
T value_of(std::span<const std::byte> bytes) {
    T value{};
    RATIOFARM_EXPECT(bytes.size() == sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

std::uint64_t product(std::span<const std::uint64_t> sizes) {
    std::uint64_t result = 1;
    for (const std::uint64_t size : sizes) result *= size;
    return result;
}

/// How many columns are lists.
std::uint64_t lists(const std::vector<NetColumn>& columns) {
    return static_cast<std::uint64_t>(std::count_if(
        columns.begin(), columns.end(), [](const NetColumn& column) { return !!column.length; }));
}

}  // namespace

std::vector<NetTables::Table> NetTables::layout(const EnsembleHeader& header) {
    const std::vector<NetColumn> columns = net_columns(header);
    const std::uint64_t nets = header.nets();
    std::vector<Table> tables{{"/nets/weights", h5::ElementType::f32, {nets, header.row_stride()}},
                              {"/nets/crc", h5::ElementType::u32, {nets}}};
    for (const NetColumn& column : columns) {
        std::vector<std::uint64_t> shape{nets};
        shape.insert(shape.end(), column.extent.begin(), column.extent.end());
        tables.push_back({column.path, column.type, std::move(shape)});
    }
    tables.push_back({"/nets/lengths", h5::ElementType::u32, {nets, lists(columns)}});
    tables.push_back({"/nets/table_crc", h5::ElementType::u32, {nets}});
    return tables;
}

void NetTables::create(const h5::File& file, const EnsembleHeader& header) {
    h5::create_group(file, "/nets");
    h5::create_group(file, "/nets/quality");
    for (const Table& table : layout(header)) {
        h5::create_dataset(file, table.path, table.type, table.shape);
    }
}

std::uint64_t NetTables::bytes(const EnsembleHeader& header) {
    std::uint64_t total = 0;
    for (const Table& table : layout(header))
        total += h5::size_of(table.type) * product(table.shape);
    return total;
}

NetTables::NetTables(const h5::File& file, const EnsembleHeader& header)
    : header_(header), columns_(net_columns(header)), tables_(layout(header)) {
    for (const Table& table : tables_) {
        if (!h5::is_dataset(file, table.path)) throw DataError(table.path + " is missing");
        datasets_.push_back(h5::open_dataset(file, table.path));
        const h5::DatasetInfo info = h5::describe(datasets_.back());
        h5::DatasetInfo wanted;
        wanted.shape = table.shape;
        wanted.type = table.type;
        const bool has_place = info.offset || product(table.shape) == 0;  // as without features
        if (info.type != wanted.type || info.shape != wanted.shape || !has_place) {
            throw DataError(table.path + " is " + info.description() + ", the header says " +
                            wanted.description() + " (contiguous)");
        }
        if (table.path == "/nets/weights") weights_offset_ = *info.offset;
        if (table.path == "/nets/calibration") calibration_offset_ = *info.offset;
    }
}

std::vector<std::uint32_t> NetTables::folds() const {
    const auto fold = std::find_if(tables_.begin(), tables_.end(),
                                   [](const Table& table) { return table.path == "/nets/fold"; });
    return h5::read_rows<std::uint32_t>(datasets_[static_cast<std::size_t>(fold - tables_.begin())],
                                        {0, header_.nets()});
}

void NetTables::put(std::size_t table, std::uint64_t net, std::span<const std::byte> row) const {
    const h5::ElementType type = tables_[table].type;
    if (row.empty()) return;
    h5::write_rows(datasets_[table], {net, net + 1}, type, row.data(),
                   row.size() / h5::size_of(type));
}

std::vector<std::byte> NetTables::get(std::size_t table, std::uint64_t net) const {
    const h5::ElementType type = tables_[table].type;
    const std::uint64_t elements = product(std::span(tables_[table].shape).subspan(1));
    std::vector<std::byte> row(elements * h5::size_of(type));
    if (elements == 0) return row;
    h5::read_rows(datasets_[table], {net, net + 1}, type, row.data(), elements);
    return row;
}

void NetTables::expect_fits(std::uint64_t net, const EnsembleNet& value) const {
    const std::string who = "net " + std::to_string(net) + " of '" + header_.name + "'";
    if (!value.result.failure.empty()) throw DataError(who + " failed: " + value.result.failure);
    if (value.result.row.size() != header_.row_size()) {
        throw DataError(who + " has " + std::to_string(value.result.row.size()) +
                        " parameters, the network has " + std::to_string(header_.row_size()));
    }
    for (const NetColumn& column : columns_) {
        if (column.pack(value).size() == column.row_bytes()) continue;
        throw DataError(who + " has " + std::to_string(column.length(value)) + " values for " +
                        column.path + ", a row holds " + std::to_string(column.extent.back()));
    }
}

void NetTables::write(std::uint64_t net, const EnsembleNet& value) const {
    expect_fits(net, value);
    const std::vector<float>& row = value.result.row;
    const std::uint32_t crc = crc32(std::as_bytes(std::span(row)));
    std::vector<float> stored = row;
    stored.resize(header_.row_stride(), 0.0F);
    put(weights, net, std::as_bytes(std::span(stored)));

    std::uint32_t tables_crc = 0;
    std::size_t table = weights_crc;
    const auto put_next = [&](std::span<const std::byte> bytes) {
        put(table++, net, bytes);
        tables_crc = crc32(bytes, tables_crc);
    };
    put_next(std::as_bytes(std::span(&crc, 1)));
    std::vector<std::uint32_t> lengths;
    for (const NetColumn& column : columns_) {
        put_next(column.pack(value));
        if (column.length) lengths.push_back(column.length(value));
    }
    put_next(std::as_bytes(std::span(lengths)));
    put(table, net, std::as_bytes(std::span(&tables_crc, 1)));
}

std::vector<float> NetTables::read_weights(std::uint64_t net) const {
    const std::vector<std::byte> bytes = get(weights, net);
    std::vector<float> row(bytes.size() / sizeof(float));
    std::memcpy(row.data(), bytes.data(), bytes.size());
    const auto end = row.begin() + static_cast<std::ptrdiff_t>(header_.row_size());
    const bool clean = std::all_of(end, row.end(), [](float pad) {
        return std::bit_cast<std::uint32_t>(pad) == 0;  // -0 is a flipped bit
    });
    row.erase(end, row.end());
    const auto crc = value_of<std::uint32_t>(get(weights_crc, net));
    if (clean && crc32(std::as_bytes(std::span(row))) == crc) return row;
    throw DataError("/nets/weights row " + std::to_string(net) +
                    ": damaged, the checksum in /nets/crc does not match");
}

EnsembleNet NetTables::read(std::uint64_t net) const {
    EnsembleNet value;
    value.result.row = read_weights(net);
    std::uint32_t crc = crc32(get(weights_crc, net));
    std::size_t table = first_column;
    for (const NetColumn& column : columns_) {
        const std::vector<std::byte> bytes = get(table++, net);
        crc = crc32(bytes, crc);
        column.unpack(bytes, value);
    }
    const std::vector<std::byte> lengths = get(table, net);
    crc = crc32(lengths, crc);
    if (crc != value_of<std::uint32_t>(get(table + 1, net))) {
        throw DataError("/nets row " + std::to_string(net) + ": damaged, the checksum in " +
                        tables_[table + 1].path + " does not match");
    }
    std::size_t list = 0;
    for (const NetColumn& column : columns_) {
        if (!column.trim) continue;
        const auto bytes = std::span(lengths).subspan(sizeof(std::uint32_t) * list++);
        const auto length = value_of<std::uint32_t>(bytes.first(sizeof(std::uint32_t)));
        column.trim(
            std::min<std::uint32_t>(length, static_cast<std::uint32_t>(column.extent.back())),
            value);
    }
    return value;
}

}  // namespace ratiofarm
