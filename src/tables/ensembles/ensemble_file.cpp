#include "ratiofarm/tables/ensemble_file.hpp"

#include <map>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/partition.hpp"

#include "tables/parallel_table.hpp"

#include "ensemble_layout.hpp"
#include "net_tables.hpp"

namespace ratiofarm {

namespace {

void expect_one_file(const EnsembleHeader& header) {
    RATIOFARM_EXPECT(header.nets() >= 1);
    RATIOFARM_EXPECT(header.features.size() == header.network.inputs);
    if (header.nets() <= max_nets_per_file) return;
    throw ConfigError("ensemble '" + header.name + "' has " + std::to_string(header.nets()) +
                      " nets; one ensemble file holds at most " +
                      std::to_string(max_nets_per_file));
}

std::uint32_t checksum_of(const EnsembleNet& net) { return crc32(encode(net)); }

std::uint64_t version_of(const EnsembleHeader& header) {
    if (header.list_closure) return ensemble_version;
    return header.scores ? 5 : 4;
}

/// What was written must be what is read, not only be consistent with its checksums.
void verify_nets(const h5::File& file,
                 const EnsembleHeader& header,
                 const std::map<std::uint64_t, std::uint32_t>& written) {
    const NetTables tables(file, header);
    for (const auto& [net, checksum] : written) {
        const EnsembleNet read = tables.read(net);
        if (checksum_of(read) == checksum) continue;
        throw DataError("/nets row " + std::to_string(net) + " reads back differently");
    }
}

}  // namespace

void write_ensemble(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    const EnsembleHeader& header,
                    const EnsembleProvider& provider) {
    expect_one_file(header);
    const Range mine = block_partition(header.nets(), static_cast<std::uint64_t>(comm.size()),
                                       static_cast<std::uint64_t>(comm.rank()));
    std::map<std::uint64_t, std::uint32_t> written;
    write_together(comm, path,
                   {.bytes = NetTables::bytes(header),
                    .create = [&](const h5::File& file) { NetTables::create(file, header); },
                    .write =
                        [&](const h5::File& file) {
                            const NetTables tables(file, header);
                            for (std::uint64_t net = mine.first; net < mine.last; ++net) {
                                const EnsembleNet value = provider(net);
                                tables.write(net, value);
                                written[net] = checksum_of(value);
                            }
                        },
                    .describe =
                        [&](const h5::File& file) {
                            write_ensemble_header(file, header);
                            write_kind(file, {ensemble_format, version_of(header)});
                        },
                    .verify = [&](const h5::File& file) { verify_nets(file, header, written); }});
}

EnsembleFile read_ensemble(const std::filesystem::path& path) {
    EnsembleFile ensemble;
    ensemble.path = path;
    if (std::filesystem::exists(path)) ensemble.stamp = stamp_of(path);
    const h5::File file = open_table(path, ensemble_kind);
    return in_context("'" + path.string() + "'", [&] {
        ensemble.header = read_ensemble_header(file);
        const NetTables tables(file, ensemble.header);
        ensemble.weights_offset = tables.weights_offset();
        ensemble.calibration_offset = tables.calibration_offset();
        if (ensemble.header.folds > 0) ensemble.fold = tables.folds();
        return ensemble;
    });
}

std::vector<EnsembleNet> read_nets(const EnsembleFile& file) {
    const h5::File opened = open_table(file.path, ensemble_kind);
    return in_context("'" + file.path.string() + "'", [&] {
        const NetTables tables(opened, file.header);
        std::vector<EnsembleNet> nets;
        for (std::uint64_t net = 0; net < file.header.nets(); ++net)
            nets.push_back(tables.read(net));
        return nets;
    });
}

void check_nets(const EnsembleFile& file, Range nets) {
    const h5::File opened = open_table(file.path, ensemble_kind);
    in_context("'" + file.path.string() + "'", [&] {
        const NetTables tables(opened, file.header);
        for (std::uint64_t net = nets.first; net < nets.last; ++net) tables.read(net);
    });
}

EnsembleNet read_net(const EnsembleFile& file, std::uint64_t net) {
    const h5::File opened = open_table(file.path, ensemble_kind);
    return in_context("'" + file.path.string() + "'",
                      [&] { return NetTables(opened, file.header).read(net); });
}

}  // namespace ratiofarm
