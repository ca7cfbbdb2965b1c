#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"

#include "net_columns.hpp"

namespace ratiofarm {

/// The group /nets: one row per net in each of its datasets, which are those of net_columns(), the
/// weights, the lengths of the lists and two checksums.
class NetTables {
public:
    /// Makes the empty datasets. For one rank.
    static void create(const h5::File& file, const EnsembleHeader& header);

    /// Size of the datasets.
    static std::uint64_t bytes(const EnsembleHeader& header);

    /// \throws DataError if a dataset is missing or has another type or shape than the header says
    NetTables(const h5::File& file, const EnsembleHeader& header);

    /// Writes one row of each dataset, the checksums last.
    /// \throws DataError if the net does not fit the header
    void write(std::uint64_t net, const EnsembleNet& value) const;

    /// One net, its two checksums verified.
    /// \throws DataError naming dataset and row
    EnsembleNet read(std::uint64_t net) const;

    std::uint64_t weights_offset() const { return weights_offset_; }  ///< first byte of net 0
    std::uint64_t calibration_offset() const { return calibration_offset_; }
    std::vector<std::uint32_t> folds() const;  ///< [nets]

private:
    struct Table {
        std::string path;
        h5::ElementType type;
        std::vector<std::uint64_t> shape;  ///< [nets, ...]
    };
    static std::vector<Table> layout(const EnsembleHeader& header);

    void put(std::size_t table, std::uint64_t net, std::span<const std::byte> row) const;
    std::vector<std::byte> get(std::size_t table, std::uint64_t net) const;
    std::vector<float> read_weights(std::uint64_t net) const;
    void expect_fits(std::uint64_t net, const EnsembleNet& value) const;

    EnsembleHeader header_;
    std::vector<NetColumn> columns_;
    std::vector<Table> tables_;  ///< weights, crc, the columns, lengths, table_crc
    std::vector<h5::Dataset> datasets_;
    std::uint64_t weights_offset_ = 0;
    std::uint64_t calibration_offset_ = 0;
};

}  // namespace ratiofarm
