#include "net_tables.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

namespace {

/// Order of the datasets in every list below.
enum Table : std::size_t {
    weights,
    crc,
    task_digest,
    seed,
    status,
    epochs,
    best_epoch,
    best_validation_loss,
    training_events,
    validation_events,
    negative_weights,
    training_loss,
    validation_loss,
    table_crc,
    n_tables
};

constexpr std::array<const char*, n_tables> names{"weights",          "crc",
                                                  "digest",           "seed",
                                                  "status",           "epochs",
                                                  "best_epoch",       "best_validation_loss",
                                                  "training_events",  "validation_events",
                                                  "negative_weights", "training_loss",
                                                  "validation_loss",  "table_crc"};

constexpr std::array<h5::ElementType, n_tables> types{
    h5::ElementType::f32, h5::ElementType::u32, h5::ElementType::u64, h5::ElementType::u64,
    h5::ElementType::u32, h5::ElementType::u32, h5::ElementType::u32, h5::ElementType::f64,
    h5::ElementType::u64, h5::ElementType::u64, h5::ElementType::u64, h5::ElementType::f64,
    h5::ElementType::f64, h5::ElementType::u32};

/// The one status a published file holds: the net is complete.
constexpr std::uint32_t complete = 1;

std::string path_of(std::size_t table) { return std::string("/nets/") + names[table]; }

std::vector<std::uint64_t> shape_of(std::size_t table, const EnsembleHeader& header) {
    switch (table) {
        case weights: return {header.nets, header.row_stride()};
        case task_digest: return {header.nets, 2};
        case training_loss:
        case validation_loss:
            return {header.nets, std::max<std::uint64_t>(1, header.training.epochs)};
        default: return {header.nets};
    }
}

std::uint32_t checksum(std::span<const float> row) { return crc32(std::as_bytes(row)); }

/// Feeds numbers to a CRC-32 in the order of docs/formats.md.
class TableChecksum {
public:
    template <class T>
    TableChecksum& add(const T& value) {
        crc_ = crc32(std::as_bytes(std::span(&value, 1)), crc_);
        return *this;
    }
    TableChecksum& add(const std::vector<double>& values) {
        crc_ = crc32(std::as_bytes(std::span(values)), crc_);
        return *this;
    }
    std::uint32_t value() const { return crc_; }

private:
    std::uint32_t crc_ = 0;
};

/// Over everything but the weights, which have their own. The losses are whole rows, with padding.
std::uint32_t checksum_of_tables(const EnsembleNet& net, std::uint32_t weights_crc) {
    const TrainedNet& result = net.result;
    return TableChecksum()
        .add(weights_crc)
        .add(net.task.high)
        .add(net.task.low)
        .add(net.seed)
        .add(complete)
        .add(result.epochs)
        .add(result.best_epoch)
        .add(result.best_validation_loss)
        .add(result.training_events)
        .add(result.validation_events)
        .add(result.negative_weights)
        .add(result.training_loss)
        .add(result.validation_loss)
        .value();
}

/// Losses of the epochs that were run; the rest of the row is NaN.
std::vector<double> padded(std::vector<double> losses, std::size_t size) {
    losses.resize(size, std::numeric_limits<double>::quiet_NaN());
    return losses;
}

std::vector<double> trimmed(std::vector<double> losses, std::uint32_t run) {
    losses.resize(std::min<std::size_t>(run, losses.size()));
    return losses;
}

void expect_fits(std::uint64_t net, const EnsembleNet& value, const EnsembleHeader& header) {
    const std::string who = "net " + std::to_string(net) + " of '" + header.process + "'";
    if (value.result.row.size() != header.row_size()) {
        throw DataError(who + " has " + std::to_string(value.result.row.size()) +
                        " parameters, the network has " + std::to_string(header.row_size()));
    }
    const std::size_t run = value.result.epochs;
    if (run > header.training.epochs || value.result.training_loss.size() != run ||
        value.result.validation_loss.size() != run) {
        throw DataError(
            who + " has losses of " + std::to_string(value.result.training_loss.size()) + " and " +
            std::to_string(value.result.validation_loss.size()) + " epochs, ran " +
            std::to_string(run) + " of at most " + std::to_string(header.training.epochs));
    }
}

}  // namespace

void NetTables::create(const h5::File& file, const EnsembleHeader& header) {
    h5::create_group(file, "/nets");
    for (std::size_t table = 0; table < n_tables; ++table) {
        h5::create_dataset(file, path_of(table), types[table], shape_of(table, header));
    }
}

std::uint64_t NetTables::bytes(const EnsembleHeader& header) {
    std::uint64_t total = 0;
    for (std::size_t table = 0; table < n_tables; ++table) {
        std::uint64_t size = h5::size_of(types[table]);
        for (const std::uint64_t extent : shape_of(table, header)) size *= extent;
        total += size;
    }
    return total;
}

NetTables::NetTables(const h5::File& file, const EnsembleHeader& header) : header_(header) {
    for (std::size_t table = 0; table < n_tables; ++table) {
        const std::string path = path_of(table);
        if (!h5::is_dataset(file, path)) throw DataError(path + " is missing");
        tables_.push_back(h5::open_dataset(file, path));
        const h5::DatasetInfo info = h5::describe(tables_.back());
        h5::DatasetInfo wanted;
        wanted.shape = shape_of(table, header);
        wanted.type = types[table];
        if (info.type != wanted.type || info.shape != wanted.shape || !info.offset) {
            throw DataError(path + " is " + info.description() + ", the header says " +
                            wanted.description() + " (contiguous)");
        }
        if (table == weights) weights_offset_ = *info.offset;
    }
}

template <h5::Element T>
void NetTables::put(std::size_t table, std::uint64_t net, std::vector<T> values) const {
    h5::write_rows<T>(tables_[table], {net, net + 1}, values);
}

template <h5::Element T>
std::vector<T> NetTables::get(std::size_t table, std::uint64_t net) const {
    return h5::read_rows<T>(tables_[table], {net, net + 1});
}

void NetTables::write(std::uint64_t net, const EnsembleNet& value) const {
    expect_fits(net, value, header_);
    EnsembleNet stored = value;
    TrainedNet& result = stored.result;
    const std::uint32_t weights_crc = checksum(result.row);
    const std::size_t loss_width = shape_of(training_loss, header_).back();
    result.row.resize(header_.row_stride(), 0.0F);
    result.training_loss = padded(result.training_loss, loss_width);
    result.validation_loss = padded(result.validation_loss, loss_width);

    put<float>(weights, net, result.row);
    put<std::uint32_t>(crc, net, {weights_crc});
    put<std::uint64_t>(task_digest, net, {value.task.high, value.task.low});
    put<std::uint64_t>(seed, net, {value.seed});
    put<std::uint32_t>(status, net, {complete});
    put<std::uint32_t>(epochs, net, {result.epochs});
    put<std::uint32_t>(best_epoch, net, {result.best_epoch});
    put<double>(best_validation_loss, net, {result.best_validation_loss});
    put<std::uint64_t>(training_events, net, {result.training_events});
    put<std::uint64_t>(validation_events, net, {result.validation_events});
    put<std::uint64_t>(negative_weights, net, {result.negative_weights});
    put<double>(training_loss, net, result.training_loss);
    put<double>(validation_loss, net, result.validation_loss);
    put<std::uint32_t>(table_crc, net, {checksum_of_tables(stored, weights_crc)});
}

EnsembleNet NetTables::read(std::uint64_t net) const {
    EnsembleNet value;
    TrainedNet& result = value.result;
    std::vector<float> row = get<float>(weights, net);
    const auto end_of_row = row.begin() + static_cast<std::ptrdiff_t>(header_.row_size());
    const bool clean = std::all_of(end_of_row, row.end(), [](float pad) { return pad == 0.0F; });
    row.erase(end_of_row, row.end());
    result.row = std::move(row);
    const auto digest = get<std::uint64_t>(task_digest, net);
    value.task = {digest[0], digest[1]};
    value.seed = get<std::uint64_t>(seed, net).front();
    result.epochs = get<std::uint32_t>(epochs, net).front();
    result.best_epoch = get<std::uint32_t>(best_epoch, net).front();
    result.best_validation_loss = get<double>(best_validation_loss, net).front();
    result.training_events = get<std::uint64_t>(training_events, net).front();
    result.validation_events = get<std::uint64_t>(validation_events, net).front();
    result.negative_weights = get<std::uint64_t>(negative_weights, net).front();
    result.training_loss = get<double>(training_loss, net);
    result.validation_loss = get<double>(validation_loss, net);

    const std::string where = " row " + std::to_string(net) + ": damaged, the checksum in ";
    const auto weights_crc = get<std::uint32_t>(crc, net).front();
    if (!clean || checksum(result.row) != weights_crc) {
        throw DataError(path_of(weights) + where + path_of(crc) + " does not match");
    }
    if (get<std::uint32_t>(status, net).front() != complete ||
        checksum_of_tables(value, weights_crc) != get<std::uint32_t>(table_crc, net).front()) {
        throw DataError("/nets" + where + path_of(table_crc) + " does not match");
    }
    result.training_loss = trimmed(result.training_loss, result.epochs);
    result.validation_loss = trimmed(result.validation_loss, result.epochs);
    return value;
}

}  // namespace ratiofarm
